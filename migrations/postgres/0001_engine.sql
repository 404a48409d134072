-- The engine's own tables. What they mean and who may touch them is told in
-- src/store/postgres/mod.rs.
CREATE SCHEMA IF NOT EXISTS rowcast;

-- Facts about this database: `format` (what programs must understand), `epoch` (names this
-- incarnation of all logs), `schema` (a hash of what the triggers were made for).
CREATE TABLE rowcast.fact (
    name text CONSTRAINT fact_pkey PRIMARY KEY,
    value text NOT NULL
);

-- What was recorded and not numbered yet: one row per statement and channel. `step` is set only
-- inside a hub's own transaction. `changes` is null where a reset stands for them.
CREATE TABLE rowcast.pending (
    id bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    step integer,
    actor text,
    channel text COLLATE "C" NOT NULL,
    tbl text NOT NULL,
    n integer NOT NULL,
    changes text
) WITH (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_threshold = -1,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 4000
);
CREATE INDEX pending_of_others ON rowcast.pending (channel, id) WHERE step IS NULL;
CREATE INDEX pending_of_hub ON rowcast.pending (xid) WHERE step IS NOT NULL;

-- The logs. The newest entry of a log holds its head: when its time is over only its content is
-- forgotten, and `bytes` is -1.
CREATE TABLE rowcast.entry (
    channel text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    tag integer NOT NULL,
    at timestamptz NOT NULL,
    actor text,
    edits jsonb,
    reset text[],
    bytes integer NOT NULL,
    changes text,
    CONSTRAINT entry_pkey PRIMARY KEY (channel, seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02);
CREATE INDEX entry_reset ON rowcast.entry (channel, seq) WHERE reset IS NOT NULL;
CREATE INDEX entry_at ON rowcast.entry USING brin (at) WITH (pages_per_range = 32);

-- Outcomes of edits. `seq` is null for one that failed; `failure` tells why.
CREATE TABLE rowcast.edit (
    user_id text NOT NULL,
    id uuid NOT NULL,
    hash uuid NOT NULL,
    channel text NOT NULL,
    seq bigint,
    failure jsonb,
    at timestamptz NOT NULL,
    CONSTRAINT edit_pkey PRIMARY KEY (user_id, id)
);
CREATE INDEX edit_at ON rowcast.edit USING brin (at) WITH (pages_per_range = 32);

-- The cheaper compression, where the server was built with it.
DO $$
BEGIN
    ALTER TABLE rowcast.pending ALTER COLUMN changes SET COMPRESSION lz4;
    ALTER TABLE rowcast.entry ALTER COLUMN changes SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;
