#!/usr/bin/env bash
# The WebSocket under the protocol, judged by the Autobahn test suite: a hub that sends every message
# back, through the same accept loop, limits, parser and framing as any other.
#
#   tests/autobahn/run.sh [--accept]     --accept: what came out is what is expected from now on
#
# It runs twice: with long messages allowed, when every case must pass (compression is not offered),
# and with the default length of messages, when the cases with longer ones must be closed with 1009.
# The suite needs Python 2.7. Where there is none, or the suite cannot be had, this says so and passes.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/autobahn
folder=target/autobahn

skip() { printf '\n*** SKIPPED: the Autobahn test suite did not run: %s\n\n' "$*" >&2; exit 0; }

python=
for candidate in "$HOME"/.pyenv/versions/2.7*/bin/python python2.7; do
    if command -v "$candidate" >/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || skip "there is no Python 2.7"

mkdir -p $folder
if ! cmp -s $here/requirements.txt $folder/requirements.txt; then
    rm -rf $folder/lib
    "$python" -m pip install --quiet --disable-pip-version-check --target $folder/lib \
        -r $here/requirements.txt 2>$folder/pip.log || skip "it cannot be installed: $(tail -n 1 $folder/pip.log)"
    cp $here/requirements.txt $folder/
fi

cargo build --quiet --features planted-bugs --bin rowcast
cp target/debug/rowcast $folder/rowcast

hub=
work=$(mktemp -d)
trap '[ -z "$hub" ] || kill "$hub" 2>/dev/null; rm -rf "$work"' EXIT

# Starts a hub with these settings; sets `address`.
start() {
    rm -rf "$work"/*
    env "$@" ROWCAST_BUG=echo ROWCAST_SERVER__LISTEN=127.0.0.1:0 ROWCAST_DEMO__ENABLED=false \
        ROWCAST_LOG__FORMAT=json ROWCAST_STORE__URL="sqlite:$work/hub.db" \
        ROWCAST_LIMITS__REQUESTS_PER_SECOND=1000000 ROWCAST_LIMITS__REQUESTS_BURST=1000000 \
        ROWCAST_LIMITS__FRAMES_PER_SECOND=1000000000 ROWCAST_LIMITS__BYTES_PER_SECOND=1000000000 \
        $folder/rowcast serve >"$work/out" 2>"$work/log" &
    hub=$!
    for _ in $(seq 200); do
        address=$(sed -n 's/.*"rowcast listens","address":"\([^"]*\)".*/\1/p' "$work/log")
        [ -z "$address" ] || return 0
        kill -0 "$hub" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/log" >&2
    return 1
}

stop() { kill "$hub"; wait "$hub" 2>/dev/null || true; hub=; }

# Runs these cases and leaves one line for each in $work/results.
judge() {
    cat >"$work/spec.json" <<SPEC
{"outdir": "$work/reports", "cases": [$1], "exclude-cases": [], "exclude-agent-cases": {},
 "servers": [{"agent": "rowcast", "url": "ws://$address/socket", "protocols": ["rowcast.v1.json"]}]}
SPEC
    "$python" -c "
import site, sys
site.addsitedir('$folder/lib')
sys.argv = ['wstest', '-m', 'fuzzingclient', '-s', '$work/spec.json']
from autobahntestsuite.wstest import run
run()" >"$work/wstest" 2>&1 || { tail -n 20 "$work/wstest" >&2; return 1; }
    python3 $here/results.py "$work/reports/index.json" >"$work/results"
}

# Compares with what is expected.
compare() {
    if [ "${accept:-}" = yes ]; then cp "$work/results" "$here/$1.txt"; fi
    diff -u "$here/$1.txt" "$work/results" || { echo "not as $here/$1.txt expects" >&2; return 1; }
    echo "$1: $(wc -l <"$work/results") cases, as expected:" $(awk '{print $2}' "$work/results" | sort | uniq -c)
}

accept=
[ "${1:-}" != --accept ] || accept=yes
long=16777216
start ROWCAST_LIMITS__MESSAGE_BYTES=$long ROWCAST_LIMITS__ENTRY_BYTES=$long
judge '"*"'
compare long-messages
stop
start
judge '"1.*", "9.*"'
compare default-limits
