<?php

// Publishes with the Mercure component of Symfony, as an application of Symfony does.
//
// Usage: publish.php HUB KEY TOPIC DATA [private]
// Prints the ID of the event.

declare(strict_types=1);

require '/usr/share/php/Symfony/Component/HttpClient/autoload.php';
require '/usr/share/php/Symfony/Component/Mercure/autoload.php';

use Symfony\Component\Mercure\Hub;
use Symfony\Component\Mercure\Jwt\CallableTokenProvider;
use Symfony\Component\Mercure\Update;

[, $url, $key, $topic, $data] = $argv;
$private = 'private' === ($argv[5] ?? '');

// Debian has no library for tokens that Symfony's factory could use.
$provider = new CallableTokenProvider(function () use ($key): string {
    $encode = fn (string $part): string => rtrim(strtr(base64_encode($part), '+/', '-_'), '=');
    $body = $encode('{"alg":"HS256","typ":"JWT"}').'.'.$encode('{"mercure":{"publish":["*"]}}');

    return $body.'.'.$encode(hash_hmac('sha256', $body, $key, true));
});

$hub = new Hub($url, $provider);
echo $hub->publish(new Update([$topic, $topic.'#alternate'], $data, $private, null, 'update', 5000));
