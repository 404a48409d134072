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
ack-before-commit     storm::postgres                                FAULT:\|do not see the end
ack-at-head           an_ack_names_its_own_entry                     assertion
skipped-number        storm::sqlite                                  .
numbering-at-touch    order_of_their_effects                         .
no-gap-check          storm::sqlite                                  FAULT:\|do not see the end
no-dedupe             sqlite::an_edit_is_applied_once                assertion
no-dedupe             storm::sqlite                                  FAULT:\|do not see the end
subscribe-after-read  sqlite::a_newcomer_misses_nothing              .
subscribe-after-read  storm::sqlite                                  .
cursor-tag-ignored    sqlite::a_restored_database                    .
stale-snapshot        sqlite::a_bulk_change_by_an_outsider           .
removed-member-reads  sqlite::a_removed_member_is_out                .
role-before-entering  sqlite::no_await_of_a_subscription             .
reference-across      sqlite::an_edit_does_not_lead                  .
any-spelling          sqlite::numbers_are_spelled_in_one_way         .
origin-unchecked      only_known_origins_may_connect                 .
unbounded-queue       sqlite::a_reader_that_stops_reading            readers that do not read cost
token-for-ever        whoever_does_not_renew_is_warned               .
state-stays           a_state_is_cleared_by_null                     .
triggers-lost-unnoticed sqlite::devices_follow_a_table         in vain
lateness-counts       nobody_is_closed_because_the_hub_was_late      .
lateness-counts       an_answer_to_a_ping_may_wait_unread            .
"
harmless="
lost-news             storm::sqlite
lost-news             sqlite::a_newcomer_misses_nothing
"

echo "building with planted bugs"
program=$(cargo test --features planted-bugs --test blackbox --no-run 2>&1 |
    sed -n 's/.*Executable .*(\(.*\))/\1/p')
[ -x "$program" ] || { echo "it does not build" >&2; cargo test --features planted-bugs --test blackbox --no-run; exit 1; }

# Most of them wait in vain most of the time, so some run side by side.
at_once=3

run() {
    ROWCAST_BUG=$1 timeout 300 "$program" "$2" --nocapture --test-threads 2 >"$3" 2>&1
}

must_be_caught() {
    local bug=$1 test=$2 words=$3 log=$4
    if run "$bug" "$test" "$log"; then
        echo "NOT CAUGHT: $bug by $test"
        return 1
    elif ! grep -q 'panicked' "$log" || ! grep -q -- "$words" "$log"; then
        echo "failed in another way: $bug by $test"
        tail -n 20 "$log"
        return 1
    fi
    echo "caught: $bug by $test: $(grep -m1 -A1 'panicked at' "$log" | tail -n 1 | cut -c1-140)"
}

must_be_harmless() {
    local bug=$1 test=$2 log=$3
    if ! run "$bug" "$test" "$log"; then
        echo "NOT HARMLESS: $bug with $test"
        tail -n 20 "$log"
        return 1
    fi
    echo "harmless, as it should be: $bug with $test"
}

logs=$(mktemp -d)
# The storms of planted bugs leave their histories behind.
trap 'rm -rf "$logs" target/tmp/storm-*' EXIT
only=("$@")
wanted() { [ ${#only[@]} -eq 0 ] || printf '%s\n' "${only[@]}" | grep -qx -- "$1"; }

failed=0
started=0
begin() {
    started=$((started + 1))
    [ "$started" -le "$at_once" ] || wait -n || failed=1
    "$@" "$logs/$started" &
}

while read -r bug test words; do
    [ -n "$bug" ] && wanted "$bug" && begin must_be_caught "$bug" "$test" "$words"
done <<<"$bugs"
while read -r bug test; do
    [ -n "$bug" ] && wanted "$bug" && begin must_be_harmless "$bug" "$test"
done <<<"$harmless"
for job in $(jobs -p); do
    wait "$job" || failed=1
done
exit $failed
