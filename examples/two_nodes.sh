#!/bin/sh
# Two hubs that act as one, because they share a Redis.
#
# Run: sh examples/two_nodes.sh [PORT] [PORT] [REDIS]
set -eu
first=http://localhost:${1:-8080} second=http://localhost:${2:-8081}
redis=${3:-redis://localhost:6379/0,prefix=two-nodes}
tokens=$(mktemp)
echo secret >"$tokens"

start() {
    twistd -n --pidfile= sse --port "${1##*:}" --history "$redis" \
        --publish-token-file "$tokens" >"$tokens.log" 2>&1 &
    hubs="${hubs:-} $!"
}

wait_for() {
    until curl --silent --fail --output /dev/null "$1/readyz"; do sleep 0.1; done
}

say() {
    curl --silent --fail --header "Authorization: Bearer secret" \
        --data topic=news --data "data=$2" "$1/events"
}

trap 'kill $hubs; wait; rm -f "$tokens" "$tokens.log"' EXIT
start "$first"
start "$second"
wait_for "$first"
wait_for "$second"

echo "-- Published at the first hub, read at the second one."
id=$(say "$first" one)
curl --silent --no-buffer --max-time 3 "$second/events?topic=news&last_event_id=earliest" || true

echo "-- Published while the reader was away: it continues at the other hub."
say "$second" two >/dev/null
curl --silent --no-buffer --max-time 3 --header "Last-Event-ID: $id" \
    "$first/events?topic=news" || true
