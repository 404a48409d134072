#!/usr/bin/env python3
"""A client that is not ours: written from PROTOCOL.md alone, on the PyPI packages `websockets` and
`msgpack`. It subscribes, edits a task, sees it, is cut off, misses something and resumes; in JSON
and in MessagePack. Any surprise ends it with an error.
"""

import argparse
import asyncio
import json
import uuid

import msgpack
import websockets

PATIENCE = 20


def wire_json():
    return "rowcast.v1.json", json.dumps, json.loads


def wire_msgpack():
    return "rowcast.v1.msgpack", msgpack.packb, lambda data: msgpack.unpackb(data, raw=False)


class Channel:
    """Rows, seq and cursor of one channel, by sections 8 and 9 of the protocol."""

    def __init__(self, keys):
        self.keys = keys
        self.tables, self.seq, self.cursor, self.epoch, self.show = {}, None, None, None, None

    def key_of(self, table, row):
        columns = self.keys[table]
        return json.dumps(row[columns[0]] if len(columns) == 1 else [row[c] for c in columns])

    def whole(self):
        return self.show is not None and self.seq >= self.show

    def take(self, message):
        kind = message["type"]
        if kind == "snapshot_begin":
            self.tables, self.seq, self.cursor, self.show = {}, None, None, None
            self.epoch = message["epoch"]
        elif kind == "snapshot":
            rows = self.tables.setdefault(message["table"], {})
            rows.update({self.key_of(message["table"], row): row for row in message["rows"]})
        elif kind == "snapshot_end":
            self.seq, self.cursor, self.show = message["seq"], message["cursor"], message["show"]
        elif kind == "entries":
            for entry in message["entries"]:
                self.apply(entry)
            self.cursor = message["cursor"]

    def apply(self, entry):
        if entry["seq"] <= self.seq:
            return
        assert entry["seq"] == self.seq + 1, f"a gap before {entry['seq']}, at {self.seq}"
        assert "reset" not in entry, "nobody made a large change"
        for change in entry.get("changes", []):
            rows, key = self.tables.setdefault(change["table"], {}), json.dumps(change["key"])
            if change["op"] in ("insert", "enter"):
                rows[key] = change["row"]
            elif change["op"] == "update" and key in rows:
                rows[key].update(change["set"])
            elif change["op"] in ("delete", "leave"):
                rows.pop(key, None)
        self.seq = entry["seq"]


class Client:
    def __init__(self, url, token, wire):
        self.url, self.token = url, token
        self.subprotocol, self.encode, self.decode = wire()
        self.ref, self.channels, self.keys, self.parts = 0, {}, {}, []

    async def connect(self):
        self.socket = await websockets.connect(
            self.url, subprotocols=[self.subprotocol], compression="deflate", max_size=1 << 20
        )
        assert self.socket.subprotocol == self.subprotocol
        welcome = await self.ask("hello", token=self.token, client="foreign/1")
        assert welcome["type"] == "welcome", welcome
        self.keys = {table["name"]: table["key"] for table in welcome["schema"]["tables"]}
        return welcome

    async def send(self, kind, **members):
        self.ref += 1
        data = self.encode({"type": kind, "ref": self.ref, **members})
        await self.socket.send(data)
        return self.ref

    async def receive(self):
        data = await asyncio.wait_for(self.socket.recv(), PATIENCE)
        assert isinstance(data, str) == (self.subprotocol == "rowcast.v1.json"), type(data)
        assert len(data if isinstance(data, bytes) else data.encode()) <= 65_536
        return self.handle(self.decode(data))

    def handle(self, message):
        if message["type"] == "part":
            self.parts.append(message["data"])
            if message["part"] < message["of"]:
                return message
            whole = ("" if isinstance(message["data"], str) else b"").join(self.parts)
            self.parts = []
            return self.handle(self.decode(whole))
        name = message.get("channel")
        if name in self.channels:
            self.channels[name].take(message)
        return message

    async def ask(self, kind, **members):
        ref = await self.send(kind, **members)
        while True:
            message = await self.receive()
            if message.get("ref") == ref:
                return message

    async def until(self, condition):
        while not condition():
            await self.receive()

    async def subscribe(self, name):
        known = self.channels.get(name)
        channel = known or self.channels.setdefault(name, Channel(self.keys))
        cursor = {"cursor": channel.cursor} if channel.cursor else {}
        subscribed = await self.ask("subscribe", channel=name, presence="join", meta={"app": "foreign"}, **cursor)
        assert subscribed["type"] == "subscribed", subscribed
        assert subscribed["start"] == ("resume" if known else "snapshot"), subscribed
        await self.until(lambda: channel.whole() and channel.seq >= subscribed["head"])
        return channel

    async def edit(self, name, ops, edit=None):
        return await self.ask("edit", id=edit or str(uuid.uuid4()), channel=name, ops=ops)


def update(task, **fields):
    return {"op": "update", "table": "tasks", "key": task, "set": fields}


async def story(arguments, wire, other_wire):
    name, task = arguments.channel, arguments.task
    row = lambda channel: channel.tables["tasks"][json.dumps(task)]
    client = Client(arguments.url, arguments.token, wire)
    await client.connect()
    channel = await client.subscribe(name)
    # It edits a task and sees it, in the entry that the ack names.
    title = f"Renamed in {client.subprotocol}"
    ack = await client.edit(name, [update(task, title=title, labels=["a", "b"])])
    assert ack["type"] == "ack" and ack["epoch"] == channel.epoch, ack
    await client.until(lambda: channel.seq >= ack["seq"])
    assert row(channel)["title"] == title and row(channel)["labels"] == ["a", "b"], row(channel)
    # The same edit again is the same; the same id with other content is not.
    edit = str(uuid.uuid4())
    first = await client.edit(name, [update(task, description="once")], edit)
    again = await client.edit(name, [update(task, description="once")], edit)
    other = await client.edit(name, [update(task, description="twice")], edit)
    assert again["replayed"] is True and again["seq"] == first["seq"], again
    assert other["code"] == "edit_conflict" and other["retry"] is False, other
    # States and signals come back to whoever sent them.
    assert (await client.ask("state", channel=name, key="pointer", value={"x": 1.5}))["type"] == "done"
    assert (await client.ask("signal", channel=name, name="wave", body=[1, None]))["type"] == "done"
    # Cut off without a word; meanwhile somebody else edits, in the other encoding.
    client.socket.transport.abort()
    ada = Client(arguments.url, arguments.other_token, other_wire)
    await ada.connect()
    missed = await ada.edit(name, [update(task, title="While you were away")])
    assert missed["type"] == "ack", missed
    # Back with the cursor: exactly what was missed, and nothing is lost.
    at = channel.seq
    await client.connect()
    await client.subscribe(name)
    assert at < missed["seq"] <= channel.seq
    assert row(channel)["title"] == "While you were away"
    pong = await client.ask("ping")
    assert pong["type"] == "pong" and pong["time"].endswith("Z"), pong
    past = await client.ask("history", channel=name, table="tasks", key=task, limit=2)
    assert past["changes"][0]["new"] == {"title": "While you were away", "updated_by": "ada"}, past
    assert (await client.ask("unsubscribe", channel=name))["type"] == "unsubscribed"
    await client.socket.close()
    await ada.socket.close()


async def main():
    parser = argparse.ArgumentParser()
    for option in ("url", "channel", "task", "token", "other-token"):
        parser.add_argument(f"--{option}", required=True)
    arguments = parser.parse_args()
    await story(arguments, wire_json, wire_msgpack)
    await story(arguments, wire_msgpack, wire_json)


if __name__ == "__main__":
    asyncio.run(main())
