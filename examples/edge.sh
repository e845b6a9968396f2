#!/bin/sh
# An edge: a hub that follows another one, and serves its events to readers of its own.
#
# Run: sh examples/edge.sh [PORT] [PORT_OF_EDGE]
set -eu
hub=http://localhost:${1:-8080} edge=http://localhost:${2:-8081}
tokens=$(mktemp)
echo secret >"$tokens"

start() {
    twistd -n --pidfile= sse --port "${1##*:}" --history "$2" \
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
start "$hub" memory
start "$edge" "upstream:$hub/events,token-file=$tokens"
wait_for "$hub"
wait_for "$edge"

echo "-- Published at the hub, and read at its edge."
id=$(say "$hub" one)
curl --silent --no-buffer --max-time 3 "$edge/events?topic=news&last_event_id=earliest" || true

echo "-- Published at the edge, and read at the hub, with the same IDs."
say "$edge" two >/dev/null
curl --silent --no-buffer --max-time 3 --header "Last-Event-ID: $id" \
    "$hub/events?topic=news" || true
