#!/usr/bin/env bash
# Shows that the tests can fail: plants each bug of src/planted.rs in the hub and expects the tests
# named here to catch it. One bug is none, and must not disturb anything.
#
#   tests/planted.sh [BUG…]
set -euo pipefail
cd "$(dirname "$0")/.."
export RUST_BACKTRACE=0 ROWCAST_EDITS="${ROWCAST_EDITS:-1500}" ROWCAST_SEED="${ROWCAST_SEED:-4}"
# A bug that makes something never happen is caught by waiting in vain.
export ROWCAST_PATIENCE="${ROWCAST_PATIENCE:-12}"

# bug, the tests that must catch it, what they must say
bugs="
ack-before-commit     storm::postgres                                FAULT:
ack-at-head           an_ack_names_its_own_entry                     assertion
skipped-number        storm::sqlite                                  .
numbering-at-touch    order_of_their_effects                         .
no-gap-check          storm::sqlite                                  .
no-dedupe             sqlite::an_edit_is_applied_once                assertion
no-dedupe             storm::sqlite                                  FAULT:
subscribe-after-read  sqlite::a_newcomer_misses_nothing              .
subscribe-after-read  storm::sqlite                                  .
cursor-tag-ignored    sqlite::a_restored_database                    .
stale-snapshot        sqlite::a_bulk_change_by_an_outsider           .
removed-member-reads  sqlite::a_removed_member_is_out                .
origin-unchecked      only_known_origins_may_connect                 .
unbounded-queue       sqlite::a_reader_that_stops_reading            bytes
token-for-ever        whoever_does_not_renew_is_warned               .
state-stays           a_state_is_cleared_by_null                     .
"
harmless="
lost-news             storm::sqlite
lost-news             sqlite::a_newcomer_misses_nothing
"

echo "building with planted bugs"
program=$(cargo test --features planted-bugs --test blackbox --no-run 2>&1 |
    sed -n 's/.*Executable .*(\(.*\))/\1/p')
[ -x "$program" ] || { echo "it does not build" >&2; cargo test --features planted-bugs --test blackbox --no-run; exit 1; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
wanted() { [ ${#only[@]} -eq 0 ] || printf '%s\n' "${only[@]}" | grep -qx -- "$1"; }
only=("$@")
failed=0

run() { ROWCAST_BUG=$1 timeout 300 "$program" "$2" --nocapture --test-threads 2 >"$log" 2>&1; }

while read -r bug test words; do
    [ -n "$bug" ] && wanted "$bug" || continue
    if run "$bug" "$test"; then
        echo "NOT CAUGHT: $bug by $test"
        failed=1
    elif ! grep -q 'panicked' "$log" || ! grep -q -- "$words" "$log"; then
        echo "failed in another way: $bug by $test"
        tail -n 20 "$log"
        failed=1
    else
        echo "caught: $bug by $test: $(grep -m1 -A1 'panicked at' "$log" | tail -n 1 | cut -c1-140)"
    fi
done <<<"$bugs"

while read -r bug test; do
    [ -n "$bug" ] && wanted "$bug" || continue
    if run "$bug" "$test"; then
        echo "harmless, as it should be: $bug with $test"
    else
        echo "NOT HARMLESS: $bug with $test"
        tail -n 20 "$log"
        failed=1
    fi
done <<<"$harmless"

# The storms of planted bugs leave their histories behind.
rm -rf target/tmp/storm-*
exit $failed
