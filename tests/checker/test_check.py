#!/usr/bin/env python3
"""The checker's own proof: a sound history passes, and each doctored one is caught."""

import copy
import json
import tempfile
import unittest
from pathlib import Path

from check import judge_history

CHANNEL, EPOCH = "project:p", "00000000000000aa"


def task(key, **fields):
    return {"id": key, "title": "a", "labels": [], **fields}


def entry(seq, *changes, edits=()):
    made = {"seq": seq, "at": "2026-01-01T00:00:00.000000Z", "changes": list(changes)}
    return {**made, "edits": [{"id": e, "user": u} for e, u in edits]} if edits else made


def insert(key, edit=None, table="tasks", **fields):
    change = {"op": "insert", "table": table, "key": key, "row": task(key, **fields)}
    return change if edit is None else {**change, "edit": edit}


def update(key, edit=None, **fields):
    change = {"op": "update", "table": "tasks", "key": key, "set": fields}
    return change if edit is None else {**change, "edit": edit}


def timed(lines, start=0, step=10_000):
    """The lines with times, a hundredth of a second between them."""
    return [{**line, "at": start + number * step} for number, line in enumerate(lines)]


def sent(edit, leaves=(), sets=(), surely=True):
    return {"what": "sent", "edit": edit, "channel": CHANNEL, "surely": surely,
            "leaves": list(leaves), "sets": list(sets)}


def sound():
    """Ada makes a task and renames it, Ben gets a snapshot in the middle and goes on."""
    log = [
        entry(1, insert("t1")),
        entry(2, insert("t2", edit=0, title="mark"), edits=[("e1", "ada")]),
        entry(3, update("t1", edit=0, title="b"), edits=[("e2", "ada")]),
        entry(4, {"op": "delete", "table": "tasks", "key": "t3"}, update("t2", labels=["x"])),
    ]
    rows = [task("t1", title="b"), task("t2", title="mark", labels=["x"])]
    final = {"what": "final", "channel": CHANNEL, "epoch": EPOCH, "seq": 4, "rows": {"tasks": rows}}
    ack = {"what": "ack", "channel": CHANNEL, "epoch": EPOCH}
    subscribed = {"what": "subscribed", "channel": CHANNEL, "epoch": EPOCH, "asked": 0}
    ada = [
        {"what": "client", "client": "ada-1", "user": "ada"},
        {**subscribed, "start": "snapshot", "head": 1, "from": None},
        {"what": "snapshot_begin", "channel": CHANNEL, "epoch": EPOCH},
        {"what": "rows", "channel": CHANNEL, "table": "tasks", "seq": 1, "rows": [task("t1")]},
        {"what": "snapshot_end", "channel": CHANNEL, "seq": 1, "show": 1},
        sent("e1", leaves=[{"table": "tasks", "field": "title", "value": "mark"}]),
        {**ack, "edit": "e1", "seq": 2},
        {"what": "entries", "channel": CHANNEL, "entries": log[1:2]},
        {"what": "over", "channel": CHANNEL},
        sent("e2", sets=[{"table": "tasks", "key": "t1", "field": "title", "value": "b"}]),
        sent("e3"),
        {**subscribed, "start": "resume", "head": 3, "from": {"epoch": EPOCH, "seq": 2}},
        {"what": "entries", "channel": CHANNEL, "entries": log[2:4]},
        {**ack, "edit": "e2", "seq": 3},
        {"what": "refused", "edit": "e3", "code": "not_found", "retry": False},
        final,
    ]
    ben = [
        {"what": "client", "client": "ben-1", "user": "ben"},
        {**subscribed, "start": "snapshot", "head": 2, "from": None},
        {"what": "snapshot_begin", "channel": CHANNEL, "epoch": EPOCH},
        {"what": "rows", "channel": CHANNEL, "table": "tasks", "seq": 2, "rows": [task("t1")]},
        {"what": "rows", "channel": CHANNEL, "table": "tasks", "seq": 3, "rows": [task("t2", title="mark")]},
        {"what": "snapshot_end", "channel": CHANNEL, "seq": 2, "show": 3},
        {"what": "entries", "channel": CHANNEL, "entries": log[2:4]},
        copy.deepcopy(final),
    ]
    database = [
        {"what": "schema", "keys": {"tasks": ["id"]}},
        {"what": "log", "channel": CHANNEL, "epoch": EPOCH, "entries": copy.deepcopy(log)},
        {"what": "table", "channel": CHANNEL, "table": "tasks", "rows": copy.deepcopy(rows)},
    ]
    return {"ada": timed(copy.deepcopy(ada)), "ben": timed(copy.deepcopy(ben)), "database": database}


def first(lines, what):
    return next(line for line in lines if line["what"] == what)


SECOND = 1_000_000


def with_rights(*roles):
    """The same, in a time in which Ben's rights change. Ada sends her second edit after 3 s."""
    history = sound()
    for line in history["ada"]:
        line["at"] += 0 if line.get("edit") == "e1" else 3 * SECOND
    for line in history["ben"]:
        line["at"] += 4 * SECOND
    history["members"] = [
        {"what": "role", "channel": CHANNEL, "user": "ben", "role": role, "at": int(at * SECOND)}
        for at, role in roles
    ]
    return history


def edit_of_ben(history):
    """Ada's second edit was Ben's."""
    history["database"][1]["entries"][2]["edits"][0]["user"] = "ben"
    for client in ("ada", "ben"):
        for line in history[client]:
            for one in line.get("entries", []):
                if one["seq"] == 3:
                    one["edits"][0]["user"] = "ben"
    lines = history["ada"]
    of_edit = [line for line in lines if line.get("edit") == "e2"]
    history["ada"] = [line for line in lines if line not in of_edit]
    history["ben"][1:1] = of_edit
    return history


class Doctored(unittest.TestCase):
    def faults_of(self, history):
        with tempfile.TemporaryDirectory() as folder:
            for name, lines in history.items():
                text = "".join(json.dumps(line) + "\n" for line in lines)
                Path(folder, f"{name}.jsonl").write_text(text, encoding="utf-8")
            return judge_history(folder).faults

    def assert_caught(self, history, words):
        faults = self.faults_of(history)
        self.assertTrue(any(words in fault for fault in faults), f"not caught ({words}): {faults}")

    def test_a_sound_history_passes(self):
        self.assertEqual(self.faults_of(sound()), [])

    def test_an_acked_edit_that_is_lost(self):
        history = sound()
        history["database"][1]["entries"][1].pop("edits")
        self.assert_caught(history, "does not stand in the log")

    def test_an_edit_that_stands_twice(self):
        history = sound()
        history["database"][1]["entries"][3]["edits"] = [{"id": "e2", "user": "ada"}]
        self.assert_caught(history, "2 times")

    def test_an_unacked_edit_may_stand_once_but_a_refused_one_never(self):
        history = sound()
        history["database"][1]["entries"][3]["edits"] = [{"id": "e3", "user": "ada"}]
        self.assert_caught(history, "was refused and stands")

    def test_an_edit_that_was_applied_may_be_refused_when_its_person_lost_the_right(self):
        history = sound()
        history["ada"].insert(-1, {"what": "refused", "edit": "e2", "code": "forbidden", "retry": False, "at": 0})
        self.assertEqual(self.faults_of(history), [])

    def test_a_column_that_is_gone_in_the_end_is_no_difference(self):
        history = sound()
        history["database"][0]["columns"] = {"tasks": ["id", "title", "labels"]}
        first(history["ben"], "entries")["entries"][0]["changes"][0]["set"]["gone"] = 1
        self.assertEqual(self.faults_of(history), [])

    def test_whoever_never_got_a_promised_snapshot_may_go_on_from_the_old_rows(self):
        history = sound()
        again = next(place for place, line in enumerate(history["ada"]) if line.get("start") == "resume")
        promised = {**history["ada"][again], "start": "snapshot"}
        over = {**first(history["ada"], "over"), "at": promised["at"]}
        history["ada"][again:again] = [promised, promised, over]
        self.assertEqual(self.faults_of(history), [])

    def test_an_ack_that_names_another_entry(self):
        history = sound()
        first(history["ada"], "ack")["seq"] = 3
        self.assert_caught(history, "was acked at")

    def test_two_acks_that_differ(self):
        history = sound()
        history["ada"].insert(-1, {**first(history["ada"], "ack"), "seq": 4})
        self.assert_caught(history, "was acked at")

    def test_an_edit_that_nobody_sent(self):
        history = sound()
        history["database"][1]["entries"][3]["edits"] = [{"id": "e9", "user": "ada"}]
        self.assert_caught(history, "nobody sent it")

    def test_somebody_elses_name_on_an_edit(self):
        history = sound()
        history["database"][1]["entries"][1]["edits"][0]["user"] = "ben"
        self.assert_caught(history, "as ben's")

    def test_a_row_left_twice(self):
        history = sound()
        history["database"][2]["rows"].append(task("t9", title="mark"))
        self.assert_caught(history, "left 2 rows")

    def test_a_hole_in_the_log(self):
        history = sound()
        del history["database"][1]["entries"][2]
        self.assert_caught(history, "stands at place 3")

    def test_a_hole_in_a_stream(self):
        history = sound()
        first(history["ben"], "entries")["entries"].pop(0)
        self.assert_caught(history, "entry 4 came after 2")

    def test_a_stream_out_of_order(self):
        history = sound()
        first(history["ben"], "entries")["entries"].reverse()
        self.assert_caught(history, "entry 4 came after 2")

    def test_an_entry_that_comes_twice(self):
        history = sound()
        lines = history["ada"]
        lines.insert(8, copy.deepcopy(first(lines, "entries")))
        self.assert_caught(history, "entry 2 came after 2")

    def test_a_resume_from_elsewhere(self):
        history = sound()
        history["ada"][11]["from"]["seq"] = 1
        self.assert_caught(history, "resumed at")

    def test_entries_in_another_epoch(self):
        history = sound()
        history["ben"][1]["epoch"] = history["ben"][2]["epoch"] = "00000000000000bb"
        self.assert_caught(history, "which the log does not have")

    def test_the_same_number_with_other_content(self):
        history = sound()
        first(history["ben"], "entries")["entries"][0]["changes"][0]["set"]["title"] = "c"
        self.assert_caught(history, "not what others got")

    def test_a_snapshot_that_misses_a_row(self):
        history = sound()
        del history["ben"][4]
        self.assert_caught(history, "never were what the log makes")

    def test_a_snapshot_may_be_ahead_of_the_log_until_it_catches_up(self):
        history = sound()
        history["ben"][4]["rows"][0]["labels"] = ["x"]
        self.assertEqual(self.faults_of(history), [])

    def test_rows_that_agreed_once_must_agree_for_ever(self):
        history = sound()
        first(history["ben"], "entries")["entries"][1]["changes"][1]["set"]["labels"] = ["y"]
        self.assert_caught(history, "are not what the log makes")

    def test_a_client_that_ends_with_other_rows(self):
        history = sound()
        history["ben"][-1]["rows"]["tasks"][0]["title"] = "c"
        self.assert_caught(history, "and the table tasks")

    def test_a_client_that_ends_too_early(self):
        history = sound()
        first(history["ben"], "entries")["entries"].pop()
        history["ben"][-1]["seq"] = 3
        self.assert_caught(history, "ends at 3, the log at 4")

    def test_a_table_that_the_log_does_not_make(self):
        history = sound()
        history["database"][2]["rows"][0]["title"] = "c"
        self.assert_caught(history, "the log and the table")

    def test_an_entry_that_does_not_show_what_its_edit_set(self):
        history = sound()
        history["ada"][9]["sets"][0]["field"] = "labels"
        self.assert_caught(history, "does not show what")

    def test_who_was_removed_may_get_what_was_made_within_a_second(self):
        self.assertEqual(self.faults_of(with_rights((2.5, None))), [])

    def test_who_came_back_may_get_everything(self):
        self.assertEqual(self.faults_of(with_rights((1, None), (3.9, "viewer"))), [])

    def test_an_entry_for_somebody_who_was_removed(self):
        self.assert_caught(with_rights((1, None)), "got something of 3 (entries)")

    def test_an_entry_for_somebody_who_comes_back_too_late(self):
        self.assert_caught(with_rights((1, None), (5, "viewer")), "got something of 3 (entries)")

    def test_a_page_for_somebody_who_was_removed(self):
        self.assert_caught(with_rights((1, None)), "got something of 3 (rows)")

    def test_somebody_is_let_in_who_was_removed(self):
        history = with_rights((1, None))
        first(history["ben"], "subscribed")["asked"] = int(2.5 * SECOND)
        self.assert_caught(history, "was let in after access was lost")

    def test_a_head_told_to_somebody_who_was_removed(self):
        history = with_rights((1, None))
        first(history["ben"], "subscribed")["head"] = 3
        self.assert_caught(history, "got something of 3 (subscribed)")

    def test_an_edit_of_somebody_who_may_write(self):
        self.assertEqual(self.faults_of(edit_of_ben(with_rights((2.5, "viewer")))), [])

    def test_an_edit_of_somebody_who_was_lowered(self):
        self.assert_caught(edit_of_ben(with_rights((1, "viewer"))), "after the right to make it was lost")

    def test_an_edit_of_somebody_who_was_removed_and_lowered(self):
        history = edit_of_ben(with_rights((1, None), (2, "viewer")))
        self.assert_caught(history, "after the right to make it was lost")

    def test_a_history_without_a_log(self):
        history = sound()
        del history["database"][1]
        self.assert_caught(history, "no log")


if __name__ == "__main__":
    unittest.main()
