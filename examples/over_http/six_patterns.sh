#!/usr/bin/env bash
# The six patterns over HTTP, with curl alone. It starts a server for this machine only, with
# --auth none, so that the lines are those of the field; with a token they have one header more.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-.venv/bin/python}

folder=$(mktemp -d)
"$PYTHON" -m perdure serve examples.over_http.shop:app --store "$folder/shop.db" \
    --port "${PORT:-7071}" --auth none >"$folder/told" 2>"$folder/log" &
server=$!
trap 'kill $server; wait $server || true; rm -r "$folder"' EXIT
until grep -q '^ready' "$folder/told"; do
    kill -0 $server 2>/dev/null || { cat "$folder/log"; exit 1; }
    sleep 0.1
done
API=$(sed -n 's/^url //p' "$folder/told")/runtime/webhooks/durabletask

start() { # NAME ID [JSON]: prints where to look for it
    curl -sS -X POST "$API/orchestrators/$1/$2" -d "${3:-null}" -H "Content-Type: application/json" \
        -o /dev/null -w '%header{location}\n'
}
outcome() { # URL: asks until the answer is not 202, as Location and Retry-After have it
    until [ "$(curl -sS "$1" -o "$folder/status" -w '%{http_code}')" = 200 ]; do sleep 0.05; done
    sed 's/.*"output":\([^,]*\),.*/\1\n/' "$folder/status"
}

echo "1. function chaining"
outcome "$(start chain one '"chair"')"

echo "2. fan out, fan in"
outcome "$(start total two '["chair","table"]')"

echo "3. asynchronous HTTP API"
where=$(start packing three 5)
curl -sS "$where" -o /dev/null -w '%{http_code} while it packs\n'
outcome "$where"

echo "4. monitor"
outcome "$(start parcel four)"

echo "5. human interaction"
where=$(start approval five)
curl -sS -d "true" "$API/instances/five/raiseEvent/ApprovalEvent" -H "Content-Type: application/json"
outcome "$where"

echo "6. aggregator"
for amount in 1 2 3; do
    curl -sS "$API/entities/till/front?op=take" -d $amount -H "Content-Type: application/json"
done
curl -sS "$API/entities/till/front?op=take&wait=true" -d 4 -H "Content-Type: application/json" -w '\n'
