<?php
// Publish from PHP, with nothing but its standard functions.
//
// Run: twistd -n sse --port 8080 --publish-token-file tokens
// And: TOKEN=$(head -n 1 tokens) php examples/publish.php [HUB] [TOPIC] [TEXT]

[, $hub, $topic, $text] = $argv + [null, 'http://localhost:8080/events', 'news', 'hello'];

$request = [
    'method' => 'POST',
    'header' => [
        'Authorization: Bearer ' . getenv('TOKEN'),
        'Content-Type: application/json',
        // If no answer comes, the same request can be sent again: the event is published once.
        'Idempotency-Key: ' . bin2hex(random_bytes(16)),
    ],
    'content' => json_encode(['topic' => $topic, 'data' => ['text' => $text]]),
    'timeout' => 10,
    'ignore_errors' => true,
];
$answer = file_get_contents($hub, false, stream_context_create(['http' => $request]));
if ($answer === false || !str_contains($http_response_header[0], ' 200 ')) {
    fwrite(STDERR, "Not published: $answer\n");
    exit(1);
}
['id' => $id, 'subscribers' => $subscribers] = json_decode($answer, true);
echo "$id was handed to $subscribers subscribers\n";
