-- The functions that hubs call. Applied again at every migration. They run with a hub's rights and
-- under READ COMMITTED: each statement inside them sees what was committed before it began.
--
-- Those that run statements on people's tables (`apply_edits` and whoever calls it) leave the search
-- path as the hub set it, since triggers of these tables may rely on it; so they name the schema of
-- whatever an overloaded function could stand in for. The others look nowhere but in pg_catalog.

-- Whether columns of a table have the names, numbers and types that recorders were made for, and the
-- table its name. Not immutable in truth: recorders ask it in queries that are planned anew when the
-- table was changed, so that it is evaluated once for each form of the table. It asks the caches of
-- the session and no table of the catalogue, which a transaction may see as it was before.
CREATE OR REPLACE FUNCTION rowcast.fits(of_table oid, named text, columns text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted record;
    types oid[];
    names text;
BEGIN
    IF of_table::regclass::text <> named THEN
        RETURN false;
    END IF;
    FOR wanted IN SELECT w.n, w.c FROM json_to_recordset(columns::json) w(n integer, c text) LOOP
        IF (pg_identify_object_as_address('pg_class'::regclass, of_table, wanted.n)).object_names[3]
            IS DISTINCT FROM wanted.c
        THEN
            RETURN false;
        END IF;
        names := concat_ws(', ', names, format('pg_typeof((NULL::%s).%I)::oid', named, wanted.c));
    END LOOP;
    EXECUTE format('SELECT ARRAY[%s]', names) INTO types;
    RETURN types = ARRAY(SELECT w.t FROM json_to_recordset(columns::json) w(t oid));
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END $$;

-- The items of a list, then those of another that are missing, each once. What is there already is
-- looked up by its hash.
CREATE OR REPLACE FUNCTION rowcast.list_add(list jsonb, items jsonb, of_column text, most integer)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    missing jsonb;
BEGIN
    list := coalesce(nullif(list, 'null'), '[]');
    IF jsonb_typeof(list) <> 'array' THEN
        RAISE EXCEPTION 'the field holds no list' USING ERRCODE = 'RC422', COLUMN = of_column;
    END IF;
    SELECT jsonb_agg(item.value ORDER BY item.place) INTO missing FROM (
        SELECT given.value, min(given.place) AS place
        FROM jsonb_array_elements(items) WITH ORDINALITY given(value, place) GROUP BY 1
    ) item WHERE item.value NOT IN (SELECT had.value FROM jsonb_array_elements(list) had);
    IF missing IS NULL THEN
        RETURN list;
    END IF;
    IF jsonb_array_length(list) + jsonb_array_length(missing) > most THEN
        RAISE EXCEPTION 'the list would have more than % items (limits.list_items)', most USING ERRCODE = 'RC413', COLUMN = of_column, DETAIL = 'items';
    END IF;
    RETURN list || missing;
END $$;

-- The items of a list that are not in another.
CREATE OR REPLACE FUNCTION rowcast.list_remove(list jsonb, items jsonb, of_column text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF list IS NULL OR list = 'null' THEN
        RETURN list;
    END IF;
    IF jsonb_typeof(list) <> 'array' THEN
        RAISE EXCEPTION 'the field holds no list' USING ERRCODE = 'RC422', COLUMN = of_column;
    END IF;
    RETURN coalesce((
        SELECT jsonb_agg(had.value ORDER BY had.place)
        FROM jsonb_array_elements(list) WITH ORDINALITY had(value, place)
        WHERE had.value NOT IN (SELECT gone.value FROM jsonb_array_elements(items) gone)
    ), '[]');
END $$;

-- The same for arrays. Items are equal if their JSON is: numbers by value, texts by their bytes.
CREATE OR REPLACE FUNCTION rowcast.array_add(
    list anyarray, items anyarray, of_column text, most integer
) RETURNS anyarray
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    added list%TYPE;
BEGIN
    PERFORM rowcast.refuse_nested(greatest(array_ndims(list), array_ndims(items)), of_column);
    added := ARRAY(
        SELECT new.item FROM (
            SELECT item, nth, json, row_number() OVER (PARTITION BY json ORDER BY nth) AS time
            FROM unnest(items) WITH ORDINALITY given(item, nth),
                LATERAL coalesce(to_jsonb(item), 'null') json
        ) new
        WHERE new.time = 1 AND new.json NOT IN (
            SELECT coalesce(to_jsonb(had.item), 'null') FROM unnest(list) had(item))
        ORDER BY new.nth);
    IF cardinality(added) > 0 AND coalesce(cardinality(list), 0) + cardinality(added) > most THEN
        RAISE EXCEPTION 'the list would have more than % items (limits.list_items)', most USING ERRCODE = 'RC413', COLUMN = of_column, DETAIL = 'items';
    END IF;
    RETURN coalesce(list, '{}') || added;
END $$;

CREATE OR REPLACE FUNCTION rowcast.array_remove(list anyarray, items anyarray, of_column text)
RETURNS anyarray
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM rowcast.refuse_nested(greatest(array_ndims(list), array_ndims(items)), of_column);
    IF list IS NULL THEN
        RETURN list;
    END IF;
    RETURN ARRAY(
        SELECT had.item FROM unnest(list) WITH ORDINALITY had(item, nth)
        WHERE coalesce(to_jsonb(had.item), 'null') NOT IN (
            SELECT coalesce(to_jsonb(gone.item), 'null') FROM unnest(items) gone(item))
        ORDER BY had.nth);
END $$;

CREATE OR REPLACE FUNCTION rowcast.refuse_nested(dimensions integer, of_column text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF dimensions > 1 THEN
        RAISE EXCEPTION 'the field holds a list of lists' USING ERRCODE = 'RC422', COLUMN = of_column;
    END IF;
END $$;

-- Refuses a row that has become larger than a row may be.
CREATE OR REPLACE FUNCTION rowcast.row_fits(bytes integer, most integer) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF bytes > most THEN
        RAISE EXCEPTION 'the row would have more than % bytes (limits.row_bytes)', most USING ERRCODE = 'RC413', DETAIL = 'row';
    END IF;
    RETURN true;
END $$;

-- Waits for the locks under which channels are numbered, in one order for everybody. Only hubs
-- take them.
CREATE OR REPLACE FUNCTION rowcast.lock_channels(channels text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1380926275, key)
    FROM (SELECT DISTINCT hashtext(name) AS key FROM unnest(channels) name ORDER BY 1) keys;
END $$;

-- What every batch begins with.
CREATE OR REPLACE FUNCTION rowcast.begin_batch(channels text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('lock_timeout', '1500ms', true);
    PERFORM rowcast.expand_truncations(
        ARRAY(SELECT DISTINCT split_part(name, ':', 1) FROM unnest(channels) name));
    PERFORM rowcast.lock_channels(channels);
END $$;

-- Takes the locks that are free and returns their channels.
CREATE OR REPLACE FUNCTION rowcast.try_lock_channels(channels text[]) RETURNS text[]
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(name) FROM unnest(channels) name
    WHERE pg_try_advisory_xact_lock(1380926275, hashtext(name))
$$;

-- Turns markers of whole tables (emptied, or changed so that a recorder knew no channels) into resets
-- of every channel of that kind that has a log. They keep the marker's id, and so its place in the
-- order. Called before any channel is locked.
CREATE OR REPLACE FUNCTION rowcast.expand_truncations(kinds text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    kind text;
BEGIN
    FOR kind IN
        SELECT name FROM (SELECT DISTINCT unnest(kinds) AS name) k
        WHERE EXISTS (SELECT FROM rowcast.pending p WHERE p.step IS NULL AND p.channel = name || ':*')
        ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(1380926275, hashtext(kind || ':*'));
        WITH gone AS (
            DELETE FROM rowcast.pending p WHERE p.step IS NULL AND p.channel = kind || ':*'
            RETURNING p.*
        ), marker AS (
            -- The last of a table stands for all before it.
            SELECT DISTINCT ON (g.tbl) g.* FROM gone g ORDER BY g.tbl, g.id DESC
        ), affected AS (
            SELECT DISTINCT e.channel FROM rowcast.entry e
            WHERE e.channel >= kind || ':' AND e.channel < kind || ';'
        )
        INSERT INTO rowcast.pending (id, xid, actor, channel, tbl, n, changes)
        OVERRIDING SYSTEM VALUE
        SELECT m.id, m.xid, m.actor, c.channel, m.tbl, m.n, NULL FROM marker m, affected c;
    END LOOP;
END $$;

-- Numbers what is recorded for channels whose locks this transaction holds: one entry for each
-- transaction and channel, ordered by the greatest record id. `mine` is this transaction if it
-- applied edits; what it recorded then becomes the entry that names them. `horizon` leaves
-- transactions alone that recorded anything after it.
CREATE OR REPLACE FUNCTION rowcast.number_channels(
    channels text[], mine xid8, edits jsonb, horizon bigint, max_changes integer, max_bytes integer
) RETURNS SETOF rowcast.entry
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    RETURN QUERY
    WITH own AS (
        DELETE FROM rowcast.pending p
        WHERE p.step IS NOT NULL AND p.xid = mine AND p.channel = ANY (channels)
        RETURNING p.*
    ), others AS (
        DELETE FROM rowcast.pending p
        WHERE p.step IS NULL AND p.channel = ANY (channels)
          AND (horizon IS NULL OR (p.channel, p.xid) IN (
              SELECT q.channel, q.xid FROM rowcast.pending q
              WHERE q.step IS NULL AND q.channel = ANY (channels)
              GROUP BY q.channel, q.xid HAVING max(q.id) <= horizon))
        RETURNING p.*
    ), sized AS (
        SELECT p.channel, p.xid, p.step IS NOT NULL AS hub, max(p.id) AS last,
            max(p.actor) AS actor, array_agg(DISTINCT p.tbl) AS tables,
            bool_or(p.changes IS NULL) OR sum(p.n) > max_changes
                OR sum(octet_length(p.changes)) > max_bytes AS over,
            string_agg(
                concat('{"t":', to_json(p.tbl), ',"s":', coalesce(p.step, 0), ',"c":[', p.changes, ']}'),
                ',' ORDER BY p.id) AS changes
        FROM (SELECT * FROM own UNION ALL SELECT * FROM others) p
        GROUP BY 1, 2, 3
    ), numbered AS (
        SELECT s.*, head.at,
            coalesce(head.seq, 0) + row_number() OVER (PARTITION BY s.channel ORDER BY s.last) AS seq
        FROM sized s LEFT JOIN LATERAL (
            SELECT e.seq, e.at FROM rowcast.entry e
            WHERE e.channel = s.channel ORDER BY e.seq DESC LIMIT 1
        ) head ON true
    )
    INSERT INTO rowcast.entry
    SELECT n.channel, n.seq, 1 + (random() * 2147483646)::integer,
        greatest(n.at, clock_timestamp()), n.actor,
        CASE WHEN n.hub THEN edits -> n.channel END,
        CASE WHEN n.over THEN n.tables END,
        CASE WHEN n.over THEN 0 ELSE octet_length(n.changes) END,
        CASE WHEN NOT n.over THEN n.changes END
    FROM numbered n ORDER BY n.channel, n.seq
    RETURNING *;
END $$;

-- The rows of a step whose keys are not as they were asked for.
CREATE OR REPLACE FUNCTION rowcast.moved_keys(moved jsonb, step integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.jsonb_agg(m || pg_catalog.jsonb_build_object('s', step))
    FROM pg_catalog.jsonb_array_elements(moved) m
$$;

-- Applies the edits lo to hi of a plan, step by step. If that fails, what was done is undone and
-- the halves are tried, down to the single edit. Returns why edits failed (`code`), and the rows whose
-- keys are not as the edits asked for, since a trigger of the table changed them (`k`).
--
-- `probes` holds for each step the statement that reads a row that was missed, then for each step the
-- one that locks a row. A row may be missed because a trigger did something else in the place of what
-- was asked for. Where the table has such triggers, the edit is undone and applied again alone, its row
-- locked first (`careful`): a row that is there, with its guards, cannot be missed then, so that what
-- the trigger did is what the edit did. A row that was to be inserted must be there in the end.
--
-- `checks` are statements that read what the others told of the rows that they wrote; the first operation
-- that one of them names is refused as one that breaks a foreign key.
DROP FUNCTION IF EXISTS
    rowcast.apply_edits(text[], text[], jsonb[], integer[], integer, integer, boolean);
DROP FUNCTION IF EXISTS
    rowcast.apply_edits(text[], text[], jsonb[], integer[], integer, integer, boolean, boolean);
CREATE OR REPLACE FUNCTION rowcast.apply_edits(
    statements text[], probes text[], rows jsonb[], several integer[], checks jsonb,
    lo integer, hi integer, partial boolean, careful boolean
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    outcomes jsonb := '[]';
    hits bigint[];
    moved jsonb;
    told jsonb;
    all_told jsonb := '[]';
    broken integer;
    beside text;
    missed integer[];
    at_op integer := 0;
    row_now text;
    has_row boolean;
    replaceable boolean := false;
    mid integer := (lo + hi) / 2;
    code text; said text; said_detail text; of_table text; of_column text; of_constraint text;
    of_schema text;
BEGIN
    BEGIN
        PERFORM pg_catalog.set_config('lock_timeout', CASE WHEN partial THEN '100ms' ELSE '1s' END, true);
        FOR step IN 1 .. pg_catalog.cardinality(statements) LOOP
            CONTINUE WHEN partial AND NOT EXISTS (
                SELECT FROM pg_catalog.jsonb_to_recordset(rows[step]) r(e integer) WHERE e BETWEEN lo AND hi);
            PERFORM pg_catalog.set_config('rowcast.step', step::text, true);
            IF lo = hi THEN
                FOR at_op IN
                    SELECT DISTINCT o FROM pg_catalog.jsonb_to_recordset(rows[step]) r(e integer, o integer)
                    WHERE e = lo ORDER BY o
                LOOP
                    has_row := false;
                    IF careful AND probes[pg_catalog.cardinality(statements) + step] IS NOT NULL THEN
                        EXECUTE probes[pg_catalog.cardinality(statements) + step]
                            INTO row_now, has_row USING rows[step], lo, at_op;
                        IF has_row IS NOT TRUE AND at_op < 1000000 THEN
                            RAISE EXCEPTION USING ERRCODE = 'RC404', MESSAGE = 'missed', DETAIL = coalesce(row_now, '');
                        END IF;
                    END IF;
                    EXECUTE statements[step] INTO hits, moved, told USING rows[step], lo, hi, at_op, at_op;
                    all_told := all_told || coalesce(told, '[]');
                    IF moved IS NOT NULL THEN
                        outcomes := outcomes || rowcast.moved_keys(moved, step);
                    END IF;
                    IF hits IS NULL AND at_op < 1000000 AND NOT has_row THEN
                        EXECUTE probes[step] INTO row_now, replaceable USING rows[step], lo, at_op;
                        RAISE EXCEPTION USING ERRCODE = 'RC404', MESSAGE = 'missed', DETAIL = coalesce(row_now, '');
                    END IF;
                END LOOP;
            ELSE
                EXECUTE statements[step] INTO hits, moved, told USING rows[step], lo, hi, 0, 2147483647;
                all_told := all_told || coalesce(told, '[]');
                IF moved IS NOT NULL THEN
                    outcomes := outcomes || rowcast.moved_keys(moved, step);
                END IF;
                missed := ARRAY(
                    SELECT e FROM pg_catalog.jsonb_to_recordset(rows[step]) r(e integer, o integer)
                    WHERE e BETWEEN lo AND hi AND o < 1000000
                      AND (e::bigint << 32) + o <> ALL (coalesce(hits, '{}')));
                IF missed && several THEN
                    RAISE EXCEPTION USING ERRCODE = 'RC404', MESSAGE = 'missed';
                END IF;
                FOR i IN 1 .. pg_catalog.cardinality(missed) LOOP
                    EXECUTE probes[step] INTO row_now, replaceable USING rows[step], missed[i], 0;
                    IF replaceable THEN
                        RAISE EXCEPTION USING ERRCODE = 'RC404', MESSAGE = 'missed';
                    END IF;
                    outcomes := outcomes || pg_catalog.jsonb_build_object(
                        'e', missed[i], 'o', 0, 'code', 'RC404', 'row', row_now);
                END LOOP;
            END IF;
        END LOOP;
        FOR check_at IN 0 .. pg_catalog.jsonb_array_length(checks) - 1 LOOP
            EXECUTE checks -> check_at ->> 'sql' INTO broken, beside USING all_told, check_at;
            IF broken IS NOT NULL THEN
                at_op := broken;
                RAISE EXCEPTION USING ERRCODE = '23503', MESSAGE = 'a row of another channel',
                    TABLE = coalesce(beside, checks -> check_at ->> 't'), COLUMN = checks -> check_at ->> 'c',
                    CONSTRAINT = checks -> check_at ->> 'k';
            END IF;
        END LOOP;
        RETURN outcomes;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, said = MESSAGE_TEXT,
            said_detail = PG_EXCEPTION_DETAIL, of_table = TABLE_NAME, of_column = COLUMN_NAME,
            of_constraint = CONSTRAINT_NAME, of_schema = SCHEMA_NAME;
        -- Not an edit's fault: resources, shutdown, faults, a server that takes no writes.
        IF pg_catalog.left(code, 2) IN ('53', '57', '58', 'XX', '25', '08') THEN
            RAISE;
        END IF;
        -- A policy refuses the row; what else is not permitted is the operator's business.
        IF code = '42501' AND said LIKE 'new row violates row-level security%' THEN
            code := 'RC403';
        END IF;
        -- A check names no column by itself: it is told where exactly one stands in it.
        IF code = '23514' AND lo = hi AND of_column = '' THEN
            SELECT a.attname INTO of_column
            FROM pg_constraint c
            JOIN pg_class t ON t.oid = c.conrelid AND t.relname = of_table
            JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = of_schema
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1] AND a.attnum > 0
            WHERE c.conname = of_constraint AND c.contype = 'c' AND pg_catalog.cardinality(c.conkey) = 1;
        END IF;
    END;
    IF lo < hi THEN
        RETURN rowcast.apply_edits(statements, probes, rows, several, checks, lo, mid, true, false)
            || rowcast.apply_edits(statements, probes, rows, several, checks, mid + 1, hi, true, false);
    END IF;
    IF code = 'RC404' AND replaceable AND NOT careful THEN
        RETURN rowcast.apply_edits(statements, probes, rows, several, checks, lo, hi, partial, true);
    END IF;
    RETURN pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
        'e', lo, 'o', at_op, 'code', code,
        'message', CASE WHEN code LIKE '22%' THEN pg_catalog.regexp_replace(said, ': ".*$', '') ELSE said END,
        'row', CASE WHEN code = 'RC404' THEN nullif(said_detail, '') END,
        'detail', CASE WHEN code = 'RC413' THEN said_detail
            -- The names of columns in it, never the values.
            WHEN code LIKE '23%' THEN pg_catalog.substring(said_detail, '^Key \(([^()=]*)\)=\(') END,
        'table', nullif(of_table, ''), 'column', nullif(of_column, ''),
        'constraint', nullif(of_constraint, '')));
END $$;

-- A batch of edits in one statement: locks, finds what was decided before, applies, numbers last,
-- keeps the outcomes. `channels` are the edits' channels and where rows are moved to; `list` tells
-- each edit, `known` are failures that were found before, `touched` the numbers and names of the tables. Answers with
-- rows of several kinds: `f` a failure, `s` an outcome stored before, `h` a head, `e` a new entry, `l` something was
-- left to number. `longest`: after so many milliseconds it gives up, before anything is numbered.
DROP FUNCTION IF EXISTS rowcast.commit_batch(
    text[], jsonb, jsonb, text[], text[], jsonb[], integer[], integer, integer);
DROP FUNCTION IF EXISTS rowcast.commit_batch(
    text[], jsonb, jsonb, text[], text[], jsonb[], integer[], integer, integer, jsonb);
CREATE OR REPLACE FUNCTION rowcast.commit_batch(
    channels text[], list jsonb, known jsonb, statements text[], probes text[], rows jsonb[],
    several integer[], max_changes integer, max_bytes integer, touched jsonb, checks jsonb,
    longest integer
) RETURNS TABLE (
    kind text, place integer, data jsonb,
    channel text, seq bigint, tag integer, at timestamptz, actor text, edits jsonb, reset text[],
    bytes integer, changes text
)
LANGUAGE plpgsql SET jit = off AS $$
#variable_conflict use_column
DECLARE
    mine xid8 := pg_catalog.pg_current_xact_id();
    stored integer[];
    failures jsonb := '[]';
    moved jsonb := '[]';
    failed integer[];
    named jsonb;
    beside text[];
    free text[];
    entries rowcast.entry[];
    more rowcast.entry[];
    heads jsonb;
BEGIN
    PERFORM rowcast.begin_batch(channels);

    FOR place, data IN
        SELECT x.e, pg_catalog.jsonb_build_object('hash', d.hash, 'channel', d.channel, 'seq', d.seq, 'failure', d.failure)
        FROM pg_catalog.jsonb_to_recordset(list) x(e integer, u text, i uuid)
        JOIN rowcast.edit d ON d.user_id = x.u AND d.id = x.i
    LOOP
        kind := 's';
        RETURN NEXT;
        stored := stored || place;
    END LOOP;
    IF stored IS NOT NULL THEN
        rows := ARRAY(
            SELECT coalesce((SELECT pg_catalog.jsonb_agg(r) FROM pg_catalog.jsonb_array_elements(one) r
                             WHERE (r ->> 'e')::integer <> ALL (stored)), '[]')
            FROM pg_catalog.unnest(rows) WITH ORDINALITY u(one, nth) ORDER BY nth);
    END IF;

    IF pg_catalog.cardinality(statements) > 0 AND pg_catalog.jsonb_array_length(list) > coalesce(pg_catalog.cardinality(stored), 0) THEN
        failures := rowcast.apply_edits(
            statements, probes, rows, several, checks, 0, pg_catalog.jsonb_array_length(list) - 1, false, false);
        PERFORM pg_catalog.set_config('rowcast.step', '', true);
        -- Everything is locked now. Whoever waited for it may have lost a right meanwhile.
        IF pg_catalog.clock_timestamp() > pg_catalog.now() + longest * interval '1 millisecond' THEN
            RAISE EXCEPTION 'others held it up' USING ERRCODE = 'RC425';
        END IF;
        -- The rows were changed, so nobody changes these tables before this commits.
        IF EXISTS (
            SELECT FROM pg_catalog.jsonb_each_text(touched) t
            WHERE pg_catalog.to_regclass(t.value)::oid IS DISTINCT FROM t.key::oid
                OR (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger g
                    WHERE g.tgrelid = t.key::oid AND g.tgenabled = 'A'
                        AND g.tgname LIKE 'rowcast\_record\_%') < 4
        ) THEN
            RAISE EXCEPTION 'a table is not recorded as it was' USING ERRCODE = 'RC409';
        END IF;
        IF failures @? '$[*].k' THEN
            moved := pg_catalog.jsonb_path_query_array(failures, '$[*] ? (exists(@.k))');
            failures := pg_catalog.jsonb_path_query_array(failures, '$[*] ? (exists(@.code))');
        END IF;
    END IF;
    failures := failures || known;
    failed := ARRAY(SELECT (f ->> 'e')::integer FROM pg_catalog.jsonb_array_elements(failures) f);

    IF EXISTS (
        SELECT FROM rowcast.pending p
        WHERE p.step IS NOT NULL AND p.xid = mine AND p.channel = ANY (channels)
        GROUP BY p.channel
        HAVING pg_catalog.sum(p.n) > max_changes OR pg_catalog.sum(pg_catalog.octet_length(p.changes)) > max_bytes
            OR pg_catalog.bool_or(p.changes IS NULL AND p.n > 0)
    ) THEN
        RAISE EXCEPTION 'the edits change more than one entry holds' USING ERRCODE = 'RC413';
    END IF;

    SELECT pg_catalog.jsonb_object_agg(c, es) INTO named FROM (
        SELECT x ->> 'c' AS c,
            pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                    'i', x -> 'i', 'u', x -> 'u', 'o', (x -> 'o') || coalesce((
                        SELECT pg_catalog.jsonb_agg(
                            pg_catalog.jsonb_build_array(m -> 's', m -> 't', NULL, m -> 'k'))
                        FROM pg_catalog.jsonb_array_elements(moved) m WHERE m -> 'e' = x -> 'e'), '[]'))
                ORDER BY (x ->> 'e')::integer) AS es
        FROM pg_catalog.jsonb_array_elements(list) x
        WHERE (x ->> 'e')::integer <> ALL (failed || coalesce(stored, '{}'))
        GROUP BY 1) g;
    entries := ARRAY(SELECT e FROM rowcast.number_channels(channels, mine, named, NULL, max_changes, max_bytes) e);

    -- What the edits did to other channels, by triggers and cascades.
    UPDATE rowcast.pending p SET step = NULL WHERE p.step IS NOT NULL AND p.xid = mine;
    IF FOUND THEN
        beside := ARRAY(SELECT DISTINCT p.channel FROM rowcast.pending p WHERE p.step IS NULL AND p.xid = mine);
        free := coalesce(rowcast.try_lock_channels(
            ARRAY(SELECT b.name FROM pg_catalog.unnest(beside) b(name) WHERE b.name NOT LIKE '%:*')), '{}');
        more := ARRAY(SELECT e FROM rowcast.number_channels(free, NULL, NULL, NULL, max_changes, max_bytes) e);
        entries := entries || more;
        IF pg_catalog.cardinality(free) < pg_catalog.cardinality(beside) THEN
            kind := 'l'; place := NULL; data := NULL;
            RETURN NEXT;
        END IF;
    END IF;

    -- Where the edits stand: in this transaction's own entry, after which others' may have been
    -- numbered; at the head if nothing changed.
    SELECT pg_catalog.jsonb_object_agg(c, coalesce(own.seq, head.seq, 0)) INTO heads
    FROM (SELECT DISTINCT x ->> 'c' AS c FROM pg_catalog.jsonb_array_elements(list) x) of_list
    LEFT JOIN pg_catalog.unnest(entries) own ON own.channel = c AND own.edits IS NOT NULL
    LEFT JOIN LATERAL (
        SELECT e.seq FROM rowcast.entry e WHERE e.channel = c ORDER BY e.seq DESC LIMIT 1
    ) head ON true;

    INSERT INTO rowcast.edit (user_id, id, hash, channel, seq, failure, at)
    SELECT x.u, x.i, x.h, x.c, CASE WHEN f.value IS NULL THEN (heads ->> x.c)::bigint END,
        -- A long row is read again when the refusal is told again.
        CASE WHEN pg_catalog.octet_length(f.value ->> 'row') <= 2048 OR f.value ->> 'row' IS NULL THEN f.value ELSE f.value - 'row' || '{"there": true}' END,
        pg_catalog.clock_timestamp()
    FROM pg_catalog.jsonb_to_recordset(list) x(e integer, u text, i uuid, h uuid, c text)
    LEFT JOIN pg_catalog.jsonb_array_elements(failures) f ON (f.value ->> 'e')::integer = x.e
    WHERE x.e <> ALL (coalesce(stored, '{}'))
      AND (f.value IS NULL OR f.value ->> 'code' NOT IN ('55P03', '40P01', '40001', '57014', '0A000')
          AND f.value ->> 'code' NOT LIKE '42%');

    kind := 'h'; place := NULL; data := heads;
    RETURN NEXT;
    FOR data IN SELECT f.value FROM pg_catalog.jsonb_array_elements(failures) f LOOP
        kind := 'f'; place := (data ->> 'e')::integer;
        RETURN NEXT;
    END LOOP;
    RETURN QUERY SELECT 'e', NULL::integer, NULL::jsonb, e.* FROM pg_catalog.unnest(entries) e;
END $$;

-- Numbers what outsiders committed, channel by channel, leaving out those that a hub is just
-- numbering, until about `enough` changes were numbered.
CREATE OR REPLACE FUNCTION rowcast.number_pending(
    kinds text[], enough integer, max_changes integer, max_bytes integer
) RETURNS SETOF rowcast.entry
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    name text := '';
    rows_done bigint := 0;
    records bigint;
    horizon bigint;
BEGIN
    PERFORM rowcast.expand_truncations(kinds);
    LOOP
        SELECT p.channel INTO name FROM rowcast.pending p
        WHERE p.step IS NULL AND p.channel > name ORDER BY p.channel LIMIT 1;
        EXIT WHEN NOT FOUND;
        CONTINUE WHEN name LIKE '%:*' OR rowcast.try_lock_channels(ARRAY[name]) IS NULL;
        SELECT max(id), count(*) INTO horizon, records FROM (
            SELECT p.id FROM rowcast.pending p
            WHERE p.step IS NULL AND p.channel = name ORDER BY p.channel, p.id LIMIT enough
        ) first;
        IF records < enough THEN
            horizon := NULL;
        END IF;
        RETURN QUERY SELECT * FROM rowcast.number_channels(
            ARRAY[name], NULL, NULL, horizon, max_changes, max_bytes);
        IF NOT FOUND AND horizon IS NOT NULL THEN
            RETURN QUERY SELECT * FROM rowcast.number_channels(
                ARRAY[name], NULL, NULL, NULL, max_changes, max_bytes);
        END IF;
        rows_done := rows_done + records;
        EXIT WHEN rows_done >= enough;
    END LOOP;
END $$;

-- The first rows that a query gives, read one by one until they are about so many bytes; where there
-- are more, `json` of the last one is null. The query gives a row as JSON and its key; it is told `$1`
-- the channel's id, `$2` values, `$3` how many rows at most, `$4` how many to skip. Sees what the
-- statement sees that calls it.
CREATE OR REPLACE FUNCTION rowcast.first_rows(
    query text, of_channel text, given text[], most bigint, skipped bigint, enough integer
) RETURNS TABLE (nth bigint, json text, key text[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_rows refcursor;
    bytes bigint := 0;
BEGIN
    nth := 0;
    OPEN found_rows FOR EXECUTE query USING of_channel, given, most, skipped;
    LOOP
        FETCH found_rows INTO json, key;
        EXIT WHEN NOT FOUND;
        nth := nth + 1;
        bytes := bytes + pg_catalog.octet_length(json);
        IF bytes > enough AND nth > 1 THEN
            json := NULL;
            RETURN NEXT;
            EXIT;
        END IF;
        RETURN NEXT;
    END LOOP;
    CLOSE found_rows;
END $$;

-- The entries of a channel before a place, newest first, whose changes hold a text: about so many
-- bytes of them, and looked for about so many milliseconds. Where there may be more, the last row has
-- no channel and the place to go on before.
CREATE OR REPLACE FUNCTION rowcast.entries_with(
    of_channel text, before bigint, needle text, enough integer, patience integer
) RETURNS SETOF rowcast.entry
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one rowcast.entry;
    bytes bigint := 0;
    looked integer := 0;
BEGIN
    FOR one IN
        SELECT * FROM rowcast.entry e WHERE e.channel = of_channel AND e.seq < before
        ORDER BY e.seq DESC
    LOOP
        IF strpos(one.changes, needle) > 0 THEN
            RETURN NEXT one;
            bytes := bytes + one.bytes;
        END IF;
        looked := looked + 1;
        IF bytes > enough OR (looked % 16 = 0
                AND clock_timestamp() - statement_timestamp() > make_interval(secs => patience / 1000.0)) THEN
            one.channel := NULL;
            one.changes := NULL;
            one.edits := NULL;
            RETURN NEXT one;
            EXIT;
        END IF;
    END LOOP;
END $$;

-- Nobody else calls any of these.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA rowcast FROM PUBLIC;
