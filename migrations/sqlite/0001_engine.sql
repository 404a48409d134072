-- The engine's own tables. Triggers on live tables write to rowcast_pending only; everything else
-- is the hub's.

-- Facts about this database. `epoch` names this incarnation of its logs.
CREATE TABLE rowcast_meta (
    name TEXT NOT NULL PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
INSERT INTO rowcast_meta (name, value) VALUES ('epoch', random());

-- Which columns of which table a recorded change holds, in order. Never changed, only added to, so
-- that what was recorded before a migration can be read after it.
CREATE TABLE rowcast_shape (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    columns TEXT NOT NULL,
    CONSTRAINT rowcast_shape_name_key UNIQUE (name, columns)
);

-- Changes that were recorded and not yet numbered. Values stand as they are, without a conversion:
-- o0, o1 … before and n0, n1 … after the change, added by `migrate` as tables need them.
CREATE TABLE rowcast_pending (
    id INTEGER PRIMARY KEY,
    shape INTEGER NOT NULL,
    op TEXT NOT NULL,
    mask TEXT,
    och,
    ch
);

-- The logs. `floor` is the last entry that was trimmed, `reset` the last one that was a reset.
CREATE TABLE rowcast_channel (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    head INTEGER NOT NULL,
    tag INTEGER NOT NULL,
    floor INTEGER NOT NULL DEFAULT 0,
    floor_tag INTEGER NOT NULL DEFAULT 0,
    reset INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT rowcast_channel_name_key UNIQUE (name)
);

-- Their entries. `at` in microseconds since 1970; edits, changes and reset as JSON of the wire;
-- olds: the old values of each change.
CREATE TABLE rowcast_entry (
    channel INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    tag INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reset TEXT,
    edits TEXT NOT NULL,
    changes TEXT NOT NULL,
    olds TEXT NOT NULL,
    PRIMARY KEY (channel, seq)
) WITHOUT ROWID;

-- What became of edits: the entry's number, or the refusal as JSON.
CREATE TABLE rowcast_edit (
    n INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL,
    id BLOB NOT NULL,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER,
    error TEXT,
    CONSTRAINT rowcast_edit_id_key UNIQUE (user_id, id)
);

-- Channels of which so many changes wait to be numbered that a reset will stand for them: no more is
-- recorded until it does. `recorded`: what follows is recorded all the same.
CREATE TABLE rowcast_flood (
    shape INTEGER NOT NULL,
    ch NOT NULL,
    recorded INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (shape, ch)
) WITHOUT ROWID;

-- Every 1,024th record looks back over 2,048: a channel that has more than 1,000 of them is flooded.
-- Large statements are mostly about one channel; for one about many, this costs nearly nothing. The
-- hub's own records, numbered from 2^62 on, flood nothing. No `OR IGNORE`: inside a trigger the
-- writer's own `OR …` would count.
CREATE TRIGGER rowcast_flooded AFTER INSERT ON rowcast_pending
WHEN NEW.id & 1023 = 0 AND NEW.id < 4611686018427387904
BEGIN
    INSERT INTO rowcast_flood (shape, ch)
    SELECT NEW.shape, NEW.ch
    WHERE NEW.ch IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM rowcast_flood WHERE shape = NEW.shape AND ch = NEW.ch)
        AND (SELECT count(*) FROM rowcast_pending
            WHERE id > NEW.id - 2048 AND shape = NEW.shape AND ch = NEW.ch) > 1000;
    INSERT INTO rowcast_flood (shape, ch)
    SELECT NEW.shape, NEW.och
    WHERE NEW.och IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM rowcast_flood WHERE shape = NEW.shape AND ch = NEW.och)
        AND (SELECT count(*) FROM rowcast_pending
            WHERE id > NEW.id - 2048 AND shape = NEW.shape AND och = NEW.och) > 1000;
END;
