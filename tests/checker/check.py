#!/usr/bin/env python3
"""Judges a history (see FORMAT.md). Prints what does not hold; exit code 1 if anything does not.

Python's standard library only, and nothing of the program that made the history.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

MOST_SHOWN = 25
# Microseconds after the loss of a right, within which it must be effective.
EFFECTIVE = 1_000_000
ROLES = [None, "viewer", "editor", "owner"]
FOR_EVER = float("inf")
# Said of the person as they are now. It decides nothing of an edit that was sent before.
WANT_OF_RIGHTS = ["unknown_channel", "forbidden"]


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Columns:
    """Which columns each table has in the end. What the log holds of others is told no more."""

    def __init__(self):
        self.tables = {}

    def of(self, table, fields):
        known = self.tables.get(table)
        return fields if known is None else {c: v for c, v in fields.items() if c in known}

    def change(self, change):
        kept = {part: self.of(change["table"], change[part]) for part in ("row", "set") if part in change}
        return {**change, **kept}

    def entry(self, entry):
        changes = [self.change(change) for change in entry.get("changes", [])]
        return {**entry, "changes": [c for c in changes if c["op"] != "update" or c["set"]]}

    def line(self, line):
        """The line without them."""
        what = line["what"]
        if what in ("entries", "log"):
            return {**line, "entries": [self.entry(entry) for entry in line["entries"]]}
        if what in ("rows", "table"):
            return {**line, "rows": [self.of(line["table"], row) for row in line["rows"]]}
        if what == "final":
            rows = {t: [self.of(t, row) for row in rows] for t, rows in line["rows"].items()}
            return {**line, "rows": rows}
        return line


class Rows:
    """The rows of one channel, with a fingerprint per table that is kept up to date."""

    def __init__(self, keys):
        self.keys = keys
        self.tables = defaultdict(dict)
        self.prints = defaultdict(int)
        self.unknown = set()

    def key_of(self, table, row):
        columns = self.keys.get(table, ["id"])
        return canonical(row[columns[0]] if len(columns) == 1 else [row[c] for c in columns])

    def put(self, table, key, row):
        self.drop(table, key)
        self.tables[table][key] = row
        self.prints[table] ^= hash((table, key, canonical(row)))

    def drop(self, table, key):
        row = self.tables[table].pop(key, None)
        if row is not None:
            self.prints[table] ^= hash((table, key, canonical(row)))

    def apply(self, entry):
        self.unknown.update(entry.get("reset", []))
        for change in entry.get("changes", []):
            op, table, key = change["op"], change["table"], canonical(change["key"])
            if op in ("insert", "enter"):
                self.put(table, key, change["row"])
            elif op == "update":
                row = self.tables[table].get(key)
                if row is not None:
                    self.put(table, key, {**row, **change["set"]})
            else:
                self.drop(table, key)

    def fingerprint(self):
        """Of every table that is known and not empty."""
        return {t: p for t, p in self.prints.items() if p and t not in self.unknown}


class Judge:
    def __init__(self):
        self.faults = []
        self.count = 0
        self.keys = {}
        self.columns = Columns()
        self.logs = defaultdict(list)
        self.epochs = {}
        self.tables = defaultdict(dict)
        self.sent = {}
        self.acks = {}
        self.refused = set()
        self.states = {}
        self.contents = {}
        self.unknown_at = {}
        self.placed = defaultdict(list)
        self.checked = defaultdict(int)
        self.roles = defaultdict(list)
        self.sent_at = {}
        self.seen_at = {}
        self.not_before = {}
        self.not_after = {}
        self.outside = {}
        self.barred = {}

    def fault(self, words):
        self.count += 1
        if len(self.faults) < MOST_SHOWN:
            self.faults.append(words)

    # --- the log ---------------------------------------------------------------------------------

    def take_log(self, line):
        channel = line["channel"]
        if self.epochs.setdefault(channel, line["epoch"]) != line["epoch"]:
            self.fault(f"{channel}: the log has two epochs")
        self.logs[channel].extend(line["entries"])

    def fold_logs(self):
        for channel, entries in self.logs.items():
            epoch = self.epochs[channel]
            rows = Rows(self.keys)
            self.states[channel, epoch, 0] = {}
            for number, entry in enumerate(entries, 1):
                seq = entry["seq"]
                if seq != number:
                    self.fault(f"{channel}: entry {seq} of the log stands at place {number}")
                    break
                rows.apply(entry)
                self.contents[channel, epoch, seq] = hash(canonical(entry))
                self.states[channel, epoch, seq] = rows.fingerprint()
                self.unknown_at[channel, epoch, seq] = frozenset(rows.unknown)
                for edit in entry.get("edits", []):
                    self.placed[edit["id"]].append((channel, epoch, seq, edit["user"]))
            self.compare_tables(channel, rows)

    def compare_tables(self, channel, rows):
        for table in set(rows.tables) | set(self.tables[channel]):
            if table in rows.unknown:
                continue
            stored = {rows.key_of(table, row): row for row in self.tables[channel].get(table, [])}
            self.compare_rows(f"{channel}: the log and the table {table}", rows.tables[table], stored)
            self.checked["tables"] += 1

    def compare_rows(self, what, ours, theirs):
        for key in sorted(set(ours) | set(theirs)):
            one, other = ours.get(key), theirs.get(key)
            if canonical(one) == canonical(other):
                continue
            if one is None or other is None:
                self.fault(f"{what} differ: row {key} is only in {'one' if one else 'the other'}")
            else:
                fields = [f for f in set(one) | set(other) if one.get(f) != other.get(f)]
                values = {f: (one.get(f), other.get(f)) for f in sorted(fields)}
                self.fault(f"{what} differ: row {key}: {values}")

    # --- rights ----------------------------------------------------------------------------------

    def take_role(self, line):
        self.roles[line["channel"], line["user"]].append((line["at"], ROLES.index(line["role"])))

    def see(self, channel, seq, at):
        """Somebody knew of an entry at this time."""
        place = (channel, seq)
        self.seen_at[place] = min(at, self.seen_at.get(place, FOR_EVER))

    def place_in_time(self):
        """Between which times each entry was made: after its edits and those before were sent, before
        anybody knew of it or of a later one. And when each person could not read, and not write.
        """
        for channel, entries in self.logs.items():
            earliest, bounds = 0, {0: 0}
            for entry in entries:
                sent = [self.sent_at.get(edit["id"], 0) for edit in entry.get("edits", [])]
                earliest = bounds[entry["seq"]] = max([earliest, *sent])
            self.not_before[channel] = bounds
            latest, bounds = FOR_EVER, {}
            for entry in reversed(entries):
                latest = min(latest, self.seen_at.get((channel, entry["seq"]), FOR_EVER))
                bounds[entry["seq"]] = latest
            self.not_after[channel] = bounds
        for member, roles in self.roles.items():
            self.outside[member] = times_below(roles, ROLES.index("viewer"))
            self.barred[member] = times_below(roles, ROLES.index("editor"))

    def is_leaked(self, channel, user, seq, at):
        """Whether somebody got something of this entry who had lost the right long before it was made,
        and had not got it back.
        """
        made = self.not_before.get(channel, {}).get(seq, 0)
        times = self.outside.get((channel, user), [])
        self.checked["deliveries to people who had lost a right before"] += bool(times)
        return any(made > lost + EFFECTIVE and at < back for lost, back in times)

    def judge_writer(self, edit, user, channel, seq):
        first, last = self.not_before[channel].get(seq, 0), self.not_after[channel].get(seq, FOR_EVER)
        for lost, back in self.barred.get((channel, user), []):
            if first > lost + EFFECTIVE and last < back:
                late = (first - lost) / 1e6
                self.fault(f"edit {edit} of {user} stands in {channel} at {seq}, at least {late:.3f} s "
                           "after the right to make it was lost")

    # --- edits -----------------------------------------------------------------------------------

    def take_outcome(self, client, line):
        edit = line["edit"]
        if line["what"] == "sent":
            self.sent[edit] = (client.user, line)
            self.sent_at[edit] = min(line["at"], self.sent_at.get(edit, FOR_EVER))
        elif line["what"] == "ack":
            place = (line["channel"], line["epoch"], line["seq"])
            self.see(line["channel"], line["seq"], line["at"])
            if self.acks.setdefault(edit, place) != place:
                self.fault(f"edit {edit} was acked at {self.acks[edit]} and at {place}")
        elif not line["retry"] and line["code"] not in WANT_OF_RIGHTS:
            self.refused.add(edit)

    def judge_edits(self):
        for edit, (user, line) in self.sent.items():
            places = self.placed.get(edit, [])
            if len(places) > 1:
                self.fault(f"edit {edit} stands in the log {len(places)} times: {places}")
            if any(place[3] != user for place in places):
                self.fault(f"edit {edit} of {user} stands in the log as {places[0][3]}'s")
            for channel, _, seq, _ in places:
                self.judge_writer(edit, user, channel, seq)
            if edit in self.acks:
                self.judge_acked(edit, line, places)
            elif edit in self.refused and places:
                self.fault(f"edit {edit} was refused and stands in the log: {places}")
        for edit in set(self.placed) - set(self.sent):
            self.fault(f"edit {edit} stands in the log and nobody sent it")
        for edit in set(self.acks) & self.refused:
            self.fault(f"edit {edit} was acked and refused")
        self.judge_leaves()

    def judge_acked(self, edit, line, places):
        self.checked["acks"] += 1
        channel, epoch, seq = self.acks[edit]
        if not places:
            if line["surely"]:
                self.fault(f"edit {edit} was acked at {channel} {seq} and does not stand in the log")
            elif seq > len(self.logs[channel]):
                self.fault(f"edit {edit} was acked beyond the end of the log, at {seq}")
            return
        if places[0][:3] != (channel, epoch, seq):
            return self.fault(f"edit {edit} was acked at {channel} {seq} and stands at {places[0]}")
        entry = self.logs[channel][seq - 1]
        for expected in line["sets"]:
            if not self.shows(entry, expected):
                self.fault(f"entry {seq} of {channel} does not show what edit {edit} set: {expected}")

    @staticmethod
    def shows(entry, expected):
        """Whether a change of the entry gives the field this value, or a later one took it over."""
        table, field, key = expected["table"], expected["field"], canonical(expected["key"])
        changes = [c for c in entry.get("changes", []) if c["table"] == table]
        changes = [c for c in changes if canonical(c["key"]) == key]
        given = [c.get("set", c.get("row", {})) for c in changes]
        gone = any(c["op"] in ("delete", "leave") for c in changes)
        return gone or any(field in fields for fields in given) or table in entry.get("reset", [])

    def judge_leaves(self):
        found = defaultdict(int)
        wanted = {(m["table"], m["field"]) for _, line in self.sent.values() for m in line["leaves"]}
        for tables in self.tables.values():
            for table, field in wanted:
                for row in tables.get(table, []):
                    found[table, field, canonical(row[field])] += 1
        for edit, (_, line) in self.sent.items():
            for mark in line["leaves"]:
                rows = found[mark["table"], mark["field"], canonical(mark["value"])]
                applied = 1 if edit in self.acks else len(self.placed.get(edit, []))
                self.checked["marks"] += 1
                if rows != applied:
                    self.fault(f"edit {edit} was applied {applied} times and left {rows} rows: {mark}")


def times_below(roles, least):
    """From when until when somebody's role was below this one."""
    times, since = [], None
    for at, role in roles:
        if role < least and since is None:
            since = at
        elif role >= least and since is not None:
            times.append((since, at))
            since = None
    return times if since is None else [*times, (since, FOR_EVER)]


class View:
    """What one client has of one channel."""

    def __init__(self, keys):
        self.keys = keys
        self.rows = Rows(keys)
        self.epoch = None
        self.seq = None
        self.show = None
        self.building = False
        self.deaf = True
        self.void = True
        self.is_reset = False
        self.settled = False
        # Whether a snapshot was promised of which nothing has come, and whether the rows were void before.
        self.promised = False
        self.void_before = True

    def is_whole(self):
        return not self.building and not self.void and self.show is not None and self.seq >= self.show


class Client:
    def __init__(self, judge, name):
        self.judge, self.name, self.user = judge, name, None
        self.views = {}

    def fault(self, channel, words):
        self.judge.fault(f"{self.name} on {channel}: {words}")

    def view(self, line):
        return self.views.setdefault(line["channel"], View(self.judge.keys))

    def take(self, line):
        what = line["what"]
        if what == "client":
            self.user = line["user"]
        elif what not in ("sent", "ack", "refused"):
            getattr(self, f"on_{what}")(line, self.view(line))

    def may_get(self, line, seq):
        channel = line["channel"]
        if self.judge.is_leaked(channel, self.user, seq, line["at"]):
            self.fault(channel, f"got something of {seq} ({line['what']}) after access was lost")

    def on_subscribed(self, line, view):
        view.is_reset = False
        self.may_get(line, line["head"])
        for lost, back in self.judge.outside.get((line["channel"], self.user), []):
            if line["asked"] > lost + EFFECTIVE and line["at"] < back:
                self.fault(line["channel"], "was let in after access was lost")
        view.deaf = False
        if line["start"] == "resume":
            origin = line["from"]
            if origin is None or view.seq is None:
                self.fault(line["channel"], "resumed without a cursor")
            elif (origin["epoch"], origin["seq"]) != (line["epoch"], view.seq):
                self.fault(line["channel"], f"resumed at {line['epoch']} from {origin}, stood at {view.seq}")
            elif line["head"] < view.seq:
                self.fault(line["channel"], f"resumed at head {line['head']} and stood at {view.seq}")
        view.epoch = line["epoch"]
        if line["start"] != "resume":
            view.void_before = view.void_before if view.promised else view.void
            view.promised = view.void = True

    def on_snapshot_begin(self, line, view):
        self.views[line["channel"]] = fresh = View(self.judge.keys)
        fresh.epoch, fresh.building, fresh.deaf, fresh.void = line["epoch"], True, view.deaf, False

    def on_rows(self, line, view):
        self.may_get(line, line["seq"])
        if not view.building:
            return self.fault(line["channel"], "a page came outside a snapshot")
        for row in line["rows"]:
            view.rows.put(line["table"], view.rows.key_of(line["table"], row), row)

    def on_snapshot_end(self, line, view):
        if not view.building:
            return self.fault(line["channel"], "a snapshot ended that had not begun")
        view.building, view.seq, view.show = False, line["seq"], line["show"]
        self.compare(line["channel"], view)

    def on_entries(self, line, view):
        channel = line["channel"]
        for entry in line["entries"]:
            self.may_get(line, entry["seq"])
            if view.is_reset:
                # They go on until the client subscribes again.
                continue
            if view.deaf or view.building or view.void:
                return self.fault(channel, f"entry {entry['seq']} came when none may come")
            if entry["seq"] != view.seq + 1:
                return self.fault(channel, f"entry {entry['seq']} came after {view.seq}")
            self.take_entry(channel, view, entry)

    def take_entry(self, channel, view, entry):
        judge, place = self.judge, (channel, view.epoch, entry["seq"])
        content = hash(canonical(entry))
        if judge.contents.setdefault(place, content) != content:
            self.fault(channel, f"entry {entry['seq']} is not what others got, or the log holds")
        view.rows.apply(entry)
        view.seq = entry["seq"]
        judge.checked["entries"] += 1
        if entry.get("reset"):
            view.void = view.is_reset = True
        else:
            self.compare(channel, view)

    def compare(self, channel, view):
        """Whole rows must be the ones that the log makes up to the same place. Rows of a snapshot may be ahead of the log, by what outsiders wrote and nobody numbered yet; from
        the first time that they agree they must agree for ever.
        """
        if not view.is_whole():
            return
        place = (channel, view.epoch, view.seq)
        known = self.judge.states.get(place)
        if known is None:
            return self.fault(channel, f"stands at {view.seq}, which the log does not have")
        unknown = self.judge.unknown_at.get(place, frozenset())
        ours = view.rows.fingerprint()
        self.judge.checked["states"] += 1
        tables = (set(known) | set(ours)) - unknown
        differing = [t for t in tables if known.get(t, 0) != ours.get(t, 0)]
        if not differing:
            view.settled = True
        elif view.settled:
            self.fault(channel, f"at {view.seq} the rows of {sorted(differing)} are not what the log makes")

    def on_over(self, line, view):
        view.deaf = True
        if view.promised:
            view.promised, view.void = False, view.void_before
        if not view.is_whole():
            self.views[line["channel"]] = View(self.judge.keys)

    def on_removed(self, line, view):
        self.views[line["channel"]] = View(self.judge.keys)

    def on_final(self, line, view):
        channel, judge = line["channel"], self.judge
        if not view.is_whole() or (line["epoch"], line["seq"]) != (view.epoch, view.seq):
            return self.fault(channel, f"ends at {line['seq']}, which its messages do not lead to")
        if not view.settled:
            self.fault(channel, "the rows never were what the log makes")
        if line["seq"] != len(judge.logs[channel]):
            self.fault(channel, f"ends at {line['seq']}, the log at {len(judge.logs[channel])}")
        shown = line["rows"]
        for table in set(judge.tables[channel]) | set(shown) | set(view.rows.tables):
            by_key = lambda rows: {view.rows.key_of(table, row): row for row in rows}
            stored = by_key(judge.tables[channel].get(table, []))
            judge.compare_rows(f"{self.name} and the table {table} of {channel}", by_key(shown.get(table, [])), stored)
            judge.compare_rows(f"{self.name}'s messages and its rows of {table} of {channel}",
                               view.rows.tables.get(table, {}), by_key(shown.get(table, [])))
        judge.checked["finals"] += 1


def lines_of(path, columns):
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                yield columns.line(json.loads(text))
            except ValueError as error:
                sys.exit(f"{path.name}, line {number}: {error}")


def judge_history(folder):
    """Judges a folder and returns the judge."""
    judge = Judge()
    # What the tables are like in the end is known first.
    paths = sorted(Path(folder).glob("*.jsonl"), key=lambda path: (path.stem != "database", path.stem))
    clients = []
    for path in paths:
        client = Client(judge, path.stem)
        clients.append((path, client))
        for line in lines_of(path, judge.columns):
            if line["what"] == "schema":
                judge.keys = line["keys"]
                judge.columns.tables = line.get("columns", {})
            elif line["what"] == "log":
                judge.take_log(line)
            elif line["what"] == "table":
                judge.tables[line["channel"]].setdefault(line["table"], []).extend(line["rows"])
            elif line["what"] == "client":
                client.user = line["user"]
            elif line["what"] == "role":
                judge.take_role(line)
            elif line["what"] == "entries":
                for entry in line["entries"]:
                    judge.see(line["channel"], entry["seq"], line["at"])
            elif line["what"] in ("sent", "ack", "refused"):
                judge.take_outcome(client, line)
    if not judge.logs:
        judge.fault("the history holds no log")
    judge.fold_logs()
    judge.place_in_time()
    judge.judge_edits()
    for path, client in clients:
        if client.user is not None:
            for line in lines_of(path, judge.columns):
                client.take(line)
    return judge


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check.py FOLDER")
    judge = judge_history(sys.argv[1])
    print("checked: " + ", ".join(f"{n} {what}" for what, n in sorted(judge.checked.items())))
    for fault in judge.faults:
        print("FAULT: " + fault)
    if judge.count > len(judge.faults):
        print(f"… and {judge.count - len(judge.faults)} more")
    print("the history does not hold" if judge.count else "the history holds")
    sys.exit(1 if judge.count else 0)


if __name__ == "__main__":
    main()
