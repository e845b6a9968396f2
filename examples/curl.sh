#!/bin/sh
# Subscribe, publish an event and a batch, and resume, with curl alone.
#
# Run: twistd -n sse --port 8080 --publish-token-file tokens
# And: TOKEN=$(head -n 1 tokens) sh examples/curl.sh [PORT]
set -eu
hub=http://localhost:${1:-8080}/events
authorization="Authorization: Bearer $TOKEN"

echo "-- Read the stream for one second: retry, stream-open, no events yet."
curl --silent --no-buffer --max-time 1 "$hub?topic=recipes" || true

echo "-- One event, as a form.  The answer is its event ID."
id=$(curl --silent --fail --header "$authorization" --data topic=recipes --data data=bread "$hub")
echo "$id"

echo "-- A batch, one JSON object per line, all or none.  The answer is a list of receipts."
printf '%s\n' '{"topic": "recipes", "data": {"name": "soup"}}' \
    '{"topic": ["recipes", "desserts"], "event": "sweet", "data": "cake"}' |
    curl --silent --fail --header "$authorization" \
        --header "Content-Type: application/x-ndjson" --data-binary @- "$hub"
echo

echo "-- Resume after the first event: exactly the two events that followed it."
curl --silent --no-buffer --max-time 1 --header "Last-Event-ID: $id" "$hub?topic=recipes" || true
