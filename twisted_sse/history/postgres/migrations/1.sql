-- The history of all hubs that share it, in one schema.
--
-- One order: whoever appends holds an advisory lock from before it looks for the newest
-- number until its commit is visible.  So a reader of "number greater than the last" misses
-- nothing, which it would with a sequence.
--
-- Nothing that is appended to is ever updated: under a long snapshot, such as that of
-- pg_dump, each version of a row that is updated often would have to be passed over.  The
-- newest row is found from the end of an index instead.

DO $$
BEGIN
    IF to_regnamespace('@schema@') IS NULL THEN
        CREATE SCHEMA @schema@;
    END IF;
END $$;

CREATE TABLE @schema@.migration (
    version int PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO @schema@.migration VALUES (1);

-- The lives of the store.  Another begins when a standby was promoted, a backup was restored,
-- or publications are gone that a hub knows of.
CREATE TABLE @schema@.epoch (
    first bigint PRIMARY KEY,               -- numbers from here on belong to this epoch
    epoch text NOT NULL UNIQUE COLLATE "C",
    follows bigint NOT NULL,                -- the newest number when it began
    lost boolean NOT NULL,                  -- whether publications before it are gone
    system bigint NOT NULL,                 -- of the server, and its timeline
    timeline text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE @schema@.event (
    number bigint PRIMARY KEY,              -- dense within an epoch
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    size int NOT NULL,
    ends bigint NOT NULL,                   -- the sum of all sizes up to this one
    topics text[] NOT NULL COLLATE "C",
    keys bigint[] NOT NULL,                 -- a hash of each topic
    private boolean NOT NULL,
    id text COLLATE "C",                    -- the publisher's
    again boolean NOT NULL,                 -- whether an older one had that ID when it was kept
    retry int,
    event bytea,                            -- bytea, because text cannot have U+0000
    data bytea,
    comment bytea,
    outcome text                            -- its topics have ended with it, and how
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 20000
);

-- Of hashes, because a B-tree takes no key above 2704 bytes, and GIN none above 2712.
CREATE INDEX event_id ON @schema@.event (hashtextextended(id, 0), number) WHERE id IS NOT NULL;
CREATE INDEX event_keys ON @schema@.event USING gin (keys);

-- Which topics have ended, and with which publication.
CREATE TABLE @schema@.ended (
    key bigint NOT NULL,                    -- a hash of the topic
    number bigint NOT NULL,
    topic text NOT NULL COLLATE "C"
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX ended_key ON @schema@.ended (key);
CREATE INDEX ended_number ON @schema@.ended (number);

-- The runs: topics with one owner each.
CREATE TABLE @schema@.run (
    key bigint NOT NULL,                    -- a hash of the topic
    topic text NOT NULL COLLATE "C",
    owner text NOT NULL COLLATE "C",
    begun timestamptz NOT NULL DEFAULT clock_timestamp(),
    start bigint NOT NULL,                  -- the publication with which it begins
    private boolean NOT NULL,
    keep interval NOT NULL,                 -- how long it is known after its end
    until timestamptz,                      -- when its lease runs out; NULL if it has ended
    outcome text,
    ended bigint,                           -- the publication with which it has ended
    forget_at timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX run_key ON @schema@.run (key);
CREATE INDEX run_start ON @schema@.run (start);
CREATE INDEX run_ended ON @schema@.run (ended) WHERE ended IS NOT NULL;
CREATE INDEX run_until ON @schema@.run (until) WHERE until IS NOT NULL;

-- When a hub has last renewed or interrupted runs: one row.
CREATE TABLE @schema@.called (at timestamptz);
INSERT INTO @schema@.called VALUES (NULL);

-- The last batch of each run of a hub, and some before it.
CREATE TABLE @schema@.batch (
    node text COLLATE "C",
    batch bigint,
    last bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (node, batch)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Up to where everything was deleted; the greatest number counts.
CREATE TABLE @schema@.forgotten (
    upto bigint PRIMARY KEY,
    ends bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO @schema@.forgotten VALUES (0, 0);

-- The newest number that was ever given, and the bytes up to it.
CREATE FUNCTION @schema@.newest(OUT last bigint, OUT ends bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @schema@, pg_temp AS $$
    SELECT * FROM (
        (SELECT number, ends FROM event ORDER BY number DESC LIMIT 1) UNION ALL
        (SELECT upto, ends FROM forgotten ORDER BY upto DESC LIMIT 1) UNION ALL
        (SELECT first - 1, 0 FROM epoch ORDER BY first DESC LIMIT 1)
    ) AS ends ORDER BY number DESC, ends DESC LIMIT 1;
$$;

-- The newest number that so many others follow; -1 if there are not so many.  Numbers are left
-- out between two epochs.
CREATE FUNCTION @schema@.before_last(a_last bigint, a_events bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = @schema@, pg_temp AS $$
DECLARE
    e epoch;
    last bigint := a_last;
    missing bigint := a_events;
BEGIN
    FOR e IN SELECT * FROM epoch ORDER BY first DESC LOOP
        IF last - e.first + 1 >= missing THEN
            RETURN last - missing;
        END IF;
        missing := missing - (last - e.first + 1);
        last := e.follows;
    END LOOP;
    RETURN -1;
END $$;

-- Where the order begins and ends: everything after *oldest* is kept, and within the bounds.
-- What exceeds them, but is not deleted yet, is found by bisection, however much that is.
CREATE FUNCTION @schema@.extent(
    a_events bigint, a_bytes bigint, a_age interval,
    OUT oldest bigint, OUT newest bigint, OUT ends bigint
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = @schema@, pg_temp SET jit = off AS $$
DECLARE
    too_old timestamptz := clock_timestamp() - a_age;
    middle bigint;
    high bigint;
    surplus bigint;
    one record;
BEGIN
    SELECT n.last, n.ends INTO newest, ends FROM newest() AS n;
    surplus := before_last(newest, a_events);
    -- This is not kept.
    oldest := greatest(
        (SELECT upto FROM forgotten ORDER BY upto DESC LIMIT 1),
        (SELECT max(first) - 1 FROM epoch WHERE lost)
    );
    -- From here on everything is within the bounds.
    high := newest + 1;
    middle := oldest + 1;
    WHILE middle < high LOOP
        SELECT number, at, e.ends - size AS begins INTO one FROM event AS e
            WHERE number >= middle AND number < high ORDER BY number LIMIT 1;
        IF one.number <= surplus OR ends - one.begins > a_bytes OR one.at <= too_old THEN
            oldest := one.number;
        ELSE
            high := middle;
        END IF;
        middle := oldest + 1 + (high - oldest - 1) / 2;
    END LOOP;
END $$;

-- The ends of topics that are not deleted; some may exceed the bounds.  With a run, the end of
-- its topic is forgotten.
-- In PL/pgSQL, because a session plans that once; SQL functions are planned at every call.
CREATE FUNCTION @schema@.ends_of(a_topics text[]) RETURNS TABLE (number bigint, topic text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = @schema@, pg_temp SET jit = off SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT e.number, e.topic FROM ended AS e
        WHERE e.key = ANY (ARRAY(SELECT hashtextextended(x, 0) FROM unnest(a_topics) AS x))
            AND e.topic = ANY (a_topics)
            AND e.number >= coalesce((SELECT max(first) FROM epoch WHERE lost), 0)
            AND NOT EXISTS (SELECT FROM run AS r WHERE r.key = e.key AND r.topic = e.topic
                AND r.ended = e.number AND r.forget_at <= clock_timestamp());
END $$;

-- The ends of topics that are kept.
CREATE FUNCTION @schema@.kept_ends_of(
    a_topics text[], a_events bigint, a_bytes bigint, a_age interval
) RETURNS TABLE (number bigint, topic text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = @schema@, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    kept_after bigint;
BEGIN
    IF EXISTS (SELECT FROM ends_of(a_topics)) THEN
        SELECT oldest INTO kept_after FROM extent(a_events, a_bytes, a_age);
        RETURN QUERY SELECT e.number, e.topic FROM ends_of(a_topics) AS e
            WHERE e.number > kept_after ORDER BY e.number;
    END IF;
END $$;

-- Keep a batch, all or none, once: the same batch of the same node is only answered again.
-- In each topic list, U+001F separates topics; none contains it.  The answer is the number of
-- the last publication, and the first number of the newest epoch.  If topics have ended, or are
-- no runs of the owners, these are the answer instead, and nothing is kept.
--
-- READ COMMITTED only: each statement has to see what was committed before the lock was had.
CREATE FUNCTION @schema@.append(
    a_node text, a_batch bigint, a_topics text[], a_private boolean[], a_id text[],
    a_retry int[], a_event bytea[], a_data bytea[], a_comment bytea[], a_outcome text[],
    a_owner text[], a_events bigint, a_bytes bigint, a_age interval,
    OUT last bigint, OUT epochs bigint, OUT closed text[], OUT lost text[]
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    told batch;
    base bigint;
    begins bigint;
    a_again boolean[];
    n int := cardinality(a_topics);
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE 'append needs the isolation level read committed' USING ERRCODE = 'TS002';
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        -- What was acknowledged, or moved from the outbox and sent, survives a crash.
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    PERFORM pg_advisory_xact_lock(@append_lock@);
    SELECT first INTO epochs FROM epoch ORDER BY first DESC LIMIT 1;
    IF a_node IS NOT NULL THEN
        SELECT * INTO told FROM batch AS b
            WHERE b.node = a_node ORDER BY b.node DESC, b.batch DESC LIMIT 1;
        IF told.batch > a_batch THEN
            -- It comes from a connection that was given up; its repetition has overtaken it.
            RAISE 'stale batch' USING ERRCODE = 'TS001';
        ELSIF told.batch = a_batch THEN
            last := told.last;
            RETURN;
        END IF;
    END IF;
    IF (SELECT number FROM ended ORDER BY number DESC LIMIT 1) IS NOT NULL THEN
        SELECT array_agg(DISTINCT e.topic) INTO closed FROM kept_ends_of(
            string_to_array(array_to_string(a_topics, E'\x1f'), E'\x1f'),
            a_events, a_bytes, a_age) AS e;
        IF closed IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    IF array_remove(a_owner, NULL) <> '{}' THEN
        SELECT array_agg(DISTINCT x) INTO lost
            FROM unnest(a_topics, a_owner) AS u (t, w), unnest(string_to_array(t, E'\x1f')) AS x
            WHERE w IS NOT NULL AND NOT EXISTS (SELECT FROM run AS r
                WHERE r.key = hashtextextended(x, 0) AND r.topic = x AND r.owner = w
                    AND r.until IS NOT NULL);
        IF lost IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    SELECT * INTO base, begins FROM (      -- newest(), which takes 0.25 ms longer as a call
        (SELECT number, ends FROM event ORDER BY number DESC LIMIT 1) UNION ALL
        (SELECT upto, ends FROM forgotten ORDER BY upto DESC LIMIT 1) UNION ALL
        (SELECT first - 1, 0 FROM epoch ORDER BY first DESC LIMIT 1)
    ) AS ends ORDER BY number DESC, ends DESC LIMIT 1;
    IF array_remove(a_id, NULL) <> '{}' THEN
        SELECT array_agg(i IS NOT NULL AND (array_position(a_id, i) < o OR k.number IS NOT NULL)
                ORDER BY o)
            INTO a_again
            FROM unnest(a_id) WITH ORDINALITY AS u (i, o)
            LEFT JOIN LATERAL (
                SELECT number FROM event
                WHERE hashtextextended(id, 0) = hashtextextended(u.i, 0) AND id = u.i LIMIT 1
            ) AS k ON true;
    END IF;
    INSERT INTO event (number, size, ends, topics, keys, private, id, again, retry, event, data,
            comment, outcome)
        SELECT base + o, s, begins + sum(s) OVER (ORDER BY o), string_to_array(t, E'\x1f'),
            (SELECT array_agg(hashtextextended(x, 0))
                FROM unnest(string_to_array(t, E'\x1f')) AS x),
            p, i, coalesce(g, false), r, e, d, c, f
        FROM (
            -- 100 bytes beside the texts: the row's head, its numbers, its place in two indexes.
            SELECT *, 100 + octet_length(t) + coalesce(octet_length(d), 0)
                + coalesce(octet_length(e), 0) + coalesce(octet_length(c), 0)
                + coalesce(octet_length(i), 0) AS s
            FROM unnest(a_topics, a_private, a_id, a_retry, a_event, a_data, a_comment, a_outcome,
                    a_again)
                WITH ORDINALITY AS u (t, p, i, r, e, d, c, f, g, o)
        ) AS sized;
    IF array_remove(a_outcome, NULL) <> '{}' THEN
        WITH e AS (
            INSERT INTO ended
                SELECT hashtextextended(x, 0), base + o, x
                FROM unnest(a_topics, a_outcome) WITH ORDINALITY AS u (t, f, o),
                    unnest(string_to_array(t, E'\x1f')) AS x
                WHERE f IS NOT NULL
                RETURNING *
        )
        UPDATE run AS r SET until = NULL, outcome = a_outcome[e.number - base], ended = e.number,
                forget_at = clock_timestamp() + r.keep
            FROM e WHERE r.key = e.key AND r.topic = e.topic AND r.until IS NOT NULL;
    END IF;
    IF a_node IS NOT NULL THEN
        INSERT INTO batch VALUES (a_node, a_batch, base + n);
    END IF;
    PERFORM pg_notify(@channel@, '');
    last := base + n;
END $$;

-- Forget the oldest that exceed the bounds, at most so many; the answer is how many.  Batches of
-- the node before *a_batch* are forgotten as well.
CREATE FUNCTION @schema@.forget(
    a_events bigint, a_bytes bigint, a_age interval, a_most int, a_node text, a_batch bigint
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_temp SET jit = off AS $$
DECLARE
    now_last bigint;
    now_ends bigint;
    surplus bigint;
    gone bigint;
    upto_number bigint;
    upto_ends bigint;
BEGIN
    DELETE FROM batch WHERE node = a_node AND batch < a_batch;
    IF NOT pg_try_advisory_xact_lock(@forget_lock@) THEN
        RETURN 0;                           -- another hub does
    END IF;
    SELECT * INTO now_last, now_ends FROM newest();
    surplus := before_last(now_last, a_events);
    SELECT upto INTO gone FROM forgotten ORDER BY upto DESC LIMIT 1;
    -- From there on, never from the lowest, so that no dead rows are passed over.
    SELECT number, ends INTO upto_number, upto_ends FROM (
            SELECT number, at, ends, size FROM event WHERE number > gone ORDER BY number LIMIT a_most
        ) AS oldest
        WHERE number <= surplus OR now_ends - (ends - size) > a_bytes
            OR at <= clock_timestamp() - a_age
        ORDER BY number DESC LIMIT 1;
    IF upto_number IS NULL THEN
        RETURN 0;
    END IF;
    DELETE FROM event WHERE number > gone AND number <= upto_number;
    GET DIAGNOSTICS now_last = ROW_COUNT;
    -- In this order everywhere, so that nobody waits for each other.
    DELETE FROM run WHERE ended <= upto_number;
    DELETE FROM ended WHERE number > gone AND number <= upto_number;
    INSERT INTO forgotten VALUES (upto_number, upto_ends);
    DELETE FROM forgotten WHERE upto < upto_number AND upto >= gone;
    DELETE FROM batch WHERE at < clock_timestamp() - interval '1 day';
    DELETE FROM probe WHERE at < clock_timestamp() - interval '1 day';
    RETURN now_last;
END $$;

-- Whether something can be kept: that the disk takes a row, and that nobody keeps the lock.
CREATE TABLE @schema@.probe (node text PRIMARY KEY COLLATE "C", at timestamptz NOT NULL);
CREATE FUNCTION @schema@.probe(a_node text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_temp AS $$
BEGIN
    INSERT INTO probe VALUES (a_node, clock_timestamp())
        ON CONFLICT (node) DO UPDATE SET at = excluded.at;
    PERFORM pg_advisory_xact_lock_shared(@append_lock@);
END $$;

-- Find the position of an event ID: of the oldest publication whose publisher chose it, or the
-- number in *a_epoch*.  NULL if it, or a publication after it, is not kept.
CREATE FUNCTION @schema@.locate(
    a_id text, a_epoch text, a_number bigint, a_events bigint, a_bytes bigint, a_age interval,
    OUT located bigint, OUT oldest bigint, OUT newest bigint, OUT ends bigint
) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = @schema@, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    chosen event;
    own epoch;
    last_of_own bigint;
BEGIN
    SELECT * INTO oldest, newest, ends FROM extent(a_events, a_bytes, a_age);
    SELECT * INTO chosen FROM event
        WHERE hashtextextended(id, 0) = hashtextextended(a_id, 0) AND id = a_id
        ORDER BY hashtextextended(id, 0), number LIMIT 1;
    located := CASE WHEN NOT chosen.again THEN chosen.number END;
    IF chosen.again THEN
        RETURN;                             -- the oldest with this ID is forgotten
    END IF;
    SELECT * INTO own FROM epoch WHERE epoch.epoch = a_epoch;
    IF own.first IS NOT NULL THEN
        SELECT follows INTO last_of_own FROM epoch WHERE first > own.first ORDER BY first LIMIT 1;
        IF a_number BETWEEN own.first - 1 AND coalesce(last_of_own, newest) THEN
            located := least(located, a_number);
        END IF;
    END IF;
    IF located < oldest THEN
        located := NULL;
    END IF;
END $$;

-- Ask on every new connection, before anything else: which life of the store it is.  A promoted
-- standby has another timeline, and a restored backup another system: what was acknowledged may
-- be lost, so a new epoch begins, with numbers above all that can have been given.  It begins
-- also if the newest number is lower than the one that a hub knows.
--
-- pg_walfile_name knows the timeline at once; on a standby it fails.
CREATE FUNCTION @schema@.open(
    a_fresh text, a_epoch text, a_number bigint, OUT now_epoch text, OUT gone boolean
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema@, pg_temp AS $$
DECLARE
    now_system bigint;
    now_timeline text;
    e epoch;
    known epoch;
    n record;
BEGIN
    SELECT system_identifier INTO now_system FROM pg_control_system();
    now_timeline := substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
    FOR try IN 1..2 LOOP
        SELECT * INTO e FROM epoch ORDER BY first DESC LIMIT 1;
        SELECT * INTO known FROM epoch WHERE epoch.epoch = a_epoch;
        SELECT * INTO n FROM newest();
        gone := a_epoch IS NOT NULL AND (known.first IS NULL OR a_number > coalesce(
            (SELECT follows FROM epoch WHERE first > known.first ORDER BY first LIMIT 1), n.last));
        EXIT WHEN e.system = now_system AND e.timeline = now_timeline
            AND NOT (gone AND known.first = e.first);
        PERFORM pg_advisory_xact_lock(@append_lock@);
        CONTINUE WHEN try = 1;              -- look again, now that nobody appends
        INSERT INTO epoch VALUES (
            CASE WHEN e.first IS NULL THEN 1 ELSE 1 + greatest(n.last, a_number) + (1::bigint << 32) END,
            a_fresh, n.last, gone, now_system, now_timeline
        ) RETURNING * INTO e;
        PERFORM pg_notify(@channel@, '');
    END LOOP;
    IF gone AND e.epoch <> a_fresh THEN
        -- The publications are gone that came before the epoch after the known one.
        UPDATE epoch SET lost = true WHERE NOT lost AND first = coalesce(
            (SELECT min(first) FROM epoch WHERE first > known.first), e.first);
        PERFORM pg_notify(@channel@, '');
    END IF;
    now_epoch := e.epoch;
END $$;

-- What a follower checks beside the rows that it reads.
CREATE FUNCTION @schema@.look(
    OUT upto bigint, OUT last bigint, OUT epochs bigint, OUT lost bigint
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @schema@, pg_temp AS $$
    SELECT (SELECT upto FROM forgotten ORDER BY upto DESC LIMIT 1), n.last,
        (SELECT first FROM epoch ORDER BY first DESC LIMIT 1),
        (SELECT max(first) FROM epoch WHERE epoch.lost)
    FROM newest() AS n;
$$;

-- Publish in a transaction of your own.  A publication waits here until a hub moves it into the
-- order; rolled back, it never was.
CREATE TABLE @schema@.outbox (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topics text NOT NULL,
    private boolean NOT NULL,
    id text,
    event text,
    data text NOT NULL,
    outcome text
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX outbox_ends ON @schema@.outbox (number) WHERE outcome IS NOT NULL;

-- Half a sentence about what is wrong with a publication; NULL if nothing is.
CREATE FUNCTION @schema@.fault(
    a_topics text[], a_data text, a_event text, a_id text, a_private boolean
) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    topic text;
    -- Control characters, and those that nobody sees.
    hidden text := E'[\x01-\x1f\x7f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e'
        || E'\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]';
BEGIN
    IF a_topics IS NULL OR cardinality(a_topics) = 0 THEN
        RETURN 'no topic is given: give at least one';
    ELSIF cardinality(a_topics) > 100 THEN
        RETURN 'it has more than 100 topics';
    ELSIF a_data IS NULL THEN
        RETURN 'the data is NULL: give a text, or JSON';
    ELSIF a_private IS NULL THEN
        RETURN 'private is NULL: give true or false';
    END IF;
    FOREACH topic IN ARRAY a_topics LOOP
        IF topic IS NULL OR topic IN ('', '*') THEN
            RETURN 'a topic is empty or *: give it a name';
        ELSIF octet_length(topic) > 4096 THEN
            RETURN 'a topic is longer than 4096 bytes';
        ELSIF topic COLLATE "C" ~ hidden THEN
            RETURN 'a topic has a control character, or one that nobody sees';
        END IF;
    END LOOP;
    IF a_event = '' OR a_event COLLATE "C" ~ E'[\n\r]' THEN
        RETURN 'event must be one line, or NULL for the default type';
    ELSIF a_event IN ('stream-open', 'stream-reset', 'stream-error', 'stream-topics',
            'stream-heartbeat', 'topic-begin', 'topic-end', 'presence-state', 'presence-join',
            'presence-leave', 'presence-count') THEN
        RETURN 'this event type is reserved for the hub';
    ELSIF a_id IN ('', 'earliest') OR octet_length(a_id) > 1024 OR a_id COLLATE "C" ~ hidden
            OR a_id <> btrim(a_id, E' \t') THEN
        RETURN 'id must be 1 to 1024 bytes of printable characters without spaces around them,'
            || ' and not earliest';
    END IF;
    RETURN NULL;
END $$;

-- Put a publication into the outbox, or refuse it.
CREATE FUNCTION @schema@.post(
    a_topics text[], a_data text, a_event text, a_id text, a_private boolean, a_outcome text,
    a_notify boolean
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    closed text;
BEGIN
    -- Whether there is any end is known sooner than whether there is one of these topics.
    IF EXISTS (SELECT FROM ended) THEN
        SELECT e.topic INTO closed FROM ends_of(a_topics) AS e LIMIT 1;
    END IF;
    -- An end in the outbox counts as well: it comes first.
    IF closed IS NULL AND EXISTS (SELECT FROM outbox WHERE outcome IS NOT NULL) THEN
        SELECT x INTO closed
            FROM outbox AS o, unnest(string_to_array(o.topics, E'\x1f')) AS x
            WHERE o.outcome IS NOT NULL AND x = ANY (a_topics) LIMIT 1;
    END IF;
    IF closed IS NOT NULL THEN
        RAISE 'the topic % has ended: publish to another one', left(closed, 100)
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO outbox (topics, private, id, event, data, outcome)
        VALUES (array_to_string(a_topics, E'\x1f'), a_private, a_id, a_event, a_data, a_outcome);
    IF a_notify THEN
        PERFORM pg_notify(@outbox@, '');
    END IF;
END $$;

-- notify: wake the hubs at the commit.  Without it they look for publications every 20 ms while
-- some come, and less often later.  PostgreSQL lets transactions that notify commit one by one.
CREATE FUNCTION @schema@.publish(
    topics text[], data text, event text DEFAULT NULL, id text DEFAULT NULL,
    private boolean DEFAULT false, notify boolean DEFAULT false
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema@, pg_temp AS $$
DECLARE
    wrong text := fault(topics, data, event, id, private);
BEGIN
    IF wrong IS NOT NULL THEN
        RAISE '%', wrong USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM post(topics, data, event, id, private, NULL, notify);
END $$;

CREATE FUNCTION @schema@.publish(
    topics text[], data jsonb, event text DEFAULT NULL, id text DEFAULT NULL,
    private boolean DEFAULT false, notify boolean DEFAULT false
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = @schema@, pg_temp AS $$
    SELECT publish(topics, data::text, event, id, private, notify);
$$;

-- Publish the last event of topics: data and event, or a control event that tells the outcome.
CREATE FUNCTION @schema@.end_topics(
    topics text[], outcome text DEFAULT 'done', data text DEFAULT NULL, event text DEFAULT NULL,
    id text DEFAULT NULL, private boolean DEFAULT false, notify boolean DEFAULT false
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema@, pg_temp AS $$
DECLARE
    wrong text := fault(topics, coalesce(data, ''), event, id, private);
BEGIN
    IF wrong IS NULL AND (outcome IN ('done', 'failed', 'cancelled', 'interrupted')) IS NOT TRUE THEN
        wrong := 'the outcome must be done, failed, cancelled or interrupted';
    ELSIF wrong IS NULL AND data IS NULL AND event IS NOT NULL THEN
        wrong := 'event is given without data: give both, or neither';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE '%', wrong USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM post(topics, coalesce(data, format('{"outcome":"%s"}', outcome)),
        CASE WHEN data IS NULL THEN 'topic-end' ELSE event END, id, private, outcome, notify);
END $$;

-- Move what is committed into the one order, in one transaction.  Answers how many were taken, -1
-- if another hub is moving; and a topic of each that was discarded, because the topic had ended
-- after it was published.
--
-- Never by "number greater than the last": numbers are taken before commits, so a later commit may
-- have a lower one.  What is there is what is not moved yet.
CREATE FUNCTION @schema@.move(
    a_most int, a_events bigint, a_bytes bigint, a_age interval,
    OUT moved int, OUT discarded text[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema@, pg_temp SET jit = off AS $$
DECLARE
    m_topics text[];
    m_private boolean[];
    m_id text[];
    m_event bytea[];
    m_data bytea[];
    m_outcome text[];
    closed_ones text[];
BEGIN
    IF NOT EXISTS (SELECT FROM outbox) THEN
        moved := 0;
        RETURN;
    ELSIF NOT pg_try_advisory_xact_lock(@move_lock@) THEN
        moved := -1;
        RETURN;
    END IF;
    WITH gone AS (
        DELETE FROM outbox
        WHERE number = ANY (ARRAY(SELECT number FROM outbox ORDER BY number LIMIT a_most))
        RETURNING *
    )
    SELECT count(*), array_agg(topics ORDER BY number), array_agg(private ORDER BY number),
            array_agg(id ORDER BY number), array_agg(convert_to(event, 'UTF8') ORDER BY number),
            array_agg(convert_to(data, 'UTF8') ORDER BY number), array_agg(outcome ORDER BY number)
        INTO moved, m_topics, m_private, m_id, m_event, m_data, m_outcome FROM gone;
    IF moved = 0 THEN
        RETURN;
    END IF;
    IF array_remove(m_outcome, NULL) = '{}' THEN
        SELECT closed INTO closed_ones FROM append(NULL, NULL, m_topics, m_private, m_id, NULL,
            m_event, m_data, NULL, NULL, NULL, a_events, a_bytes, a_age);
        IF closed_ones IS NULL THEN
            RETURN;
        END IF;
    END IF;
    -- One by one: some are for topics that have ended, or end a topic here.
    FOR i IN 1..moved LOOP
        SELECT closed INTO closed_ones FROM append(NULL, NULL, m_topics[i:i], m_private[i:i],
            m_id[i:i], NULL, m_event[i:i], m_data[i:i], NULL, m_outcome[i:i], NULL, a_events,
            a_bytes, a_age);
        IF closed_ones IS NOT NULL THEN
            discarded := discarded || closed_ones[1];
        END IF;
    END LOOP;
    IF discarded IS NOT NULL THEN
        -- For the log of the server; the hub that has called logs it as well.
        RAISE WARNING 'twisted_sse: % publications were discarded, because their topics had ended',
            cardinality(discarded);
    END IF;
END $$;

-- The runs that are known; of all topics, if that is NULL.  A run is forgotten with its end.
CREATE FUNCTION @schema@.known_runs(
    a_topic text, a_before bigint, a_most bigint, a_events bigint, a_bytes bigint, a_age interval
) RETURNS SETOF @schema@.run LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = @schema@, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    kept_after bigint;
BEGIN
    SELECT oldest INTO kept_after FROM extent(a_events, a_bytes, a_age);
    IF a_topic IS NOT NULL THEN
        RETURN QUERY SELECT * FROM run AS r
            WHERE r.key = hashtextextended(a_topic, 0) AND r.topic = a_topic AND (r.ended IS NULL
                OR r.ended > kept_after AND r.forget_at > clock_timestamp());
    ELSE
        RETURN QUERY SELECT * FROM run AS r
            WHERE r.start < a_before AND (r.ended IS NULL
                OR r.ended > kept_after AND r.forget_at > clock_timestamp())
            ORDER BY r.start DESC LIMIT a_most;
    END IF;
END $$;

-- Begin a run, unless it is known.  The state is 0 if it is, 1 if it has begun, and 2 if the
-- topic has ended and was no run; then there is no run.
CREATE FUNCTION @schema@.begin_run(
    a_topic text, a_owner text, a_lease interval, a_keep interval, a_private boolean,
    a_event bytea, a_data bytea, a_events bigint, a_bytes bigint, a_age interval,
    OUT state int, OUT known @schema@.run
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema@, pg_temp SET jit = off AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(@append_lock@);
    state := 0;
    SELECT * INTO known FROM known_runs(a_topic, NULL, NULL, a_events, a_bytes, a_age);
    IF known.topic IS NOT NULL THEN
        RETURN;
    END IF;
    DELETE FROM run AS r WHERE r.key = hashtextextended(a_topic, 0) AND r.topic = a_topic;
    IF NOT FOUND AND EXISTS (
        SELECT FROM kept_ends_of(ARRAY[a_topic], a_events, a_bytes, a_age)
    ) THEN
        state := 2;
        RETURN;
    END IF;
    DELETE FROM ended AS e WHERE e.key = hashtextextended(a_topic, 0) AND e.topic = a_topic;
    SELECT last INTO number FROM append(NULL, NULL, ARRAY[a_topic], ARRAY[a_private], NULL, NULL,
        ARRAY[a_event], ARRAY[a_data], NULL, NULL, NULL, a_events, a_bytes, a_age);
    INSERT INTO run (key, topic, owner, start, private, keep, until)
        VALUES (hashtextextended(a_topic, 0), a_topic, a_owner, number, a_private, a_keep,
            clock_timestamp() + a_lease)
        RETURNING * INTO known;
    state := 1;
END $$;

-- Renew leases; the answer is the topics of the runs that are lost.
CREATE FUNCTION @schema@.renew_runs(a_topics text[], a_owners text[], a_lease interval)
RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_temp SET jit = off AS $$
DECLARE
    renewed text[];
BEGIN
    UPDATE called SET at = clock_timestamp();
    WITH r AS (
        UPDATE run SET until = clock_timestamp() + a_lease
            FROM unnest(a_topics, a_owners) AS u (t, w)
            WHERE run.key = hashtextextended(t, 0) AND run.topic = t AND run.owner = w
                AND run.until IS NOT NULL
            RETURNING t
    )
    SELECT array_agg(t) INTO renewed FROM r;
    RETURN ARRAY(SELECT t FROM unnest(a_topics) AS t WHERE t <> ALL (coalesce(renewed, '{}')));
END $$;

-- End the runs whose leases have run out.  The answer is the number of the last end, and the
-- topics in their order, and which of them are private.
CREATE FUNCTION @schema@.interrupt_runs(
    a_lease interval, a_most int, a_event bytea, a_data bytea,
    a_events bigint, a_bytes bigint, a_age interval,
    OUT last_end bigint, OUT late text[], OUT secret text[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema@, pg_temp SET jit = off AS $$
DECLARE
    called_at timestamptz;
    secrecy boolean[];
    n int;
BEGIN
    PERFORM pg_advisory_xact_lock(@append_lock@);
    SELECT at INTO called_at FROM called;
    UPDATE called SET at = clock_timestamp();
    WITH r AS (DELETE FROM run WHERE forget_at <= clock_timestamp() RETURNING *)
        DELETE FROM ended AS e USING r
            WHERE e.key = r.key AND e.topic = r.topic AND e.number = r.ended;
    IF called_at IS NULL OR clock_timestamp() - called_at > a_lease / 2 THEN
        UPDATE run SET until = greatest(until, clock_timestamp() + a_lease)
            WHERE until IS NOT NULL;
        RETURN;
    END IF;
    SELECT array_agg(topic ORDER BY until, topic), array_agg(private ORDER BY until, topic),
            array_agg(topic) FILTER (WHERE private)
        INTO late, secrecy, secret
        FROM (SELECT * FROM run WHERE until <= clock_timestamp() ORDER BY until, topic
            LIMIT a_most) AS r;
    n := cardinality(late);
    IF n > 0 THEN
        SELECT last INTO last_end FROM append(NULL, NULL, late, secrecy, NULL, NULL,
            array_fill(a_event, ARRAY[n]), array_fill(a_data, ARRAY[n]), NULL,
            array_fill('interrupted'::text, ARRAY[n]), NULL, a_events, a_bytes, a_age);
    END IF;
END $$;

-- Who is at which hub.  Not logged: after a crash, or at a standby that takes over, these tables are
-- empty, and the hubs announce everything again.
CREATE UNLOGGED TABLE @schema@.presence_node (
    node text PRIMARY KEY COLLATE "C",
    until timestamptz NOT NULL              -- when it is taken for dead
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE UNLOGGED TABLE @schema@.presence_member (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node text NOT NULL COLLATE "C",
    key bigint NOT NULL,                    -- a hash of the field
    field text NOT NULL COLLATE "C",
    value text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX presence_member_key ON @schema@.presence_member (node, key);

-- The newest changes, numbered without gaps, so that a hub notices if it has missed some.
CREATE UNLOGGED TABLE @schema@.presence_change (
    number bigint PRIMARY KEY,
    node text NOT NULL COLLATE "C",
    pairs text NOT NULL                     -- empty if the node is gone
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Announce changes, and learn those that follow the cursor, unless that is NULL or they are not at
-- hand: then nodes is NULL.  *known* is whether the node was known, and *cursor* the number of the
-- last change that is answered.
--
-- Numbers begin at the time in milliseconds, so a cursor of data that was lost is smaller than those
-- of the data that came after.
CREATE FUNCTION @schema@.exchange_presence(
    a_node text, a_fields text[], a_values text[], a_pairs text, a_after bigint, a_life interval,
    a_most int, OUT known boolean, OUT cursor bigint, OUT nodes text[], OUT pairs text[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema@, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    called timestamptz := clock_timestamp();
    due timestamptz;
    newest bigint;
    other text;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock(@presence_lock@);
    SELECT number INTO newest FROM presence_change ORDER BY number DESC LIMIT 1;
    IF newest IS NULL THEN
        newest := floor(extract(epoch FROM called) * 1000);
        INSERT INTO presence_change VALUES (newest, a_node, '[]');
    END IF;
    SELECT n.until INTO due FROM presence_node AS n WHERE n.node = a_node;
    known := due IS NOT NULL;
    IF due <= called THEN
        -- Nobody has called for so long that this one has expired too: the store was away.
        UPDATE presence_node SET until = called + a_life WHERE until <= called;
    ELSE
        FOR other IN DELETE FROM presence_node AS n WHERE n.until <= called RETURNING n.node LOOP
            DELETE FROM presence_member AS m WHERE m.node = other;
            newest := newest + 1;
            INSERT INTO presence_change VALUES (newest, other, '');
        END LOOP;
    END IF;
    INSERT INTO presence_node VALUES (a_node, called + a_life)
        ON CONFLICT (node) DO UPDATE SET until = excluded.until;
    IF cardinality(a_fields) > 0 THEN
        DELETE FROM presence_member AS m WHERE m.node = a_node AND m.field = ANY (a_fields)
            AND m.key = ANY (ARRAY(SELECT hashtextextended(x, 0) FROM unnest(a_fields) AS x));
        -- Of several changes of one field, the last one counts.
        INSERT INTO presence_member (node, key, field, value)
            SELECT a_node, hashtextextended(f, 0), f, v FROM (
                SELECT DISTINCT ON (f) f, v FROM unnest(a_fields, a_values)
                    WITH ORDINALITY AS u (f, v, o) ORDER BY f, o DESC
            ) AS newest_ones WHERE v <> '';
        newest := newest + 1;
        INSERT INTO presence_change VALUES (newest, a_node, a_pairs);
    END IF;
    DELETE FROM presence_change WHERE number <= newest - 1000;
    cursor := newest;
    IF a_after = newest OR a_after < newest
            AND a_after + 1 >= (SELECT min(number) FROM presence_change) THEN
        SELECT coalesce(array_agg(c.node ORDER BY c.number), '{}'),
                coalesce(array_agg(c.pairs ORDER BY c.number), '{}'), max(c.number)
            INTO nodes, pairs, cursor FROM (
                SELECT * FROM presence_change WHERE number > a_after ORDER BY number LIMIT a_most
            ) AS c;
        cursor := coalesce(cursor, newest);
    END IF;
END $$;

-- Everything, for people who read it with SQL.  A text with U+0000 is shown as NULL.
CREATE FUNCTION @schema@.as_text(a_bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN position('\x00'::bytea IN a_bytes) = 0 THEN convert_from(a_bytes, 'UTF8') END;
$$;
CREATE VIEW @schema@.history AS
    SELECT number, at, topics, private, id, @schema@.as_text(event) AS event,
        @schema@.as_text(data) AS data, outcome
    FROM @schema@.event;

-- What a hub, and what a program that publishes, may do; nobody else may do anything.
CREATE FUNCTION @schema@.allow_hub(a_role name) RETURNS void LANGUAGE plpgsql
SET search_path = @schema@, pg_temp AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA @schema@ TO %I', a_role);
    EXECUTE format('GRANT SELECT ON event, epoch, forgotten, migration, presence_member TO %I',
        a_role);
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA @schema@ TO %I', a_role);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION allow_hub(name), allow_publisher(name) FROM %I',
        a_role);
END $$;

CREATE FUNCTION @schema@.allow_publisher(a_role name) RETURNS void LANGUAGE plpgsql
SET search_path = @schema@, pg_temp AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA @schema@ TO %I', a_role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION'
        ' publish(text[], text, text, text, boolean, boolean),'
        ' publish(text[], jsonb, text, text, boolean, boolean),'
        ' end_topics(text[], text, text, text, text, boolean, boolean) TO %I', a_role);
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA @schema@ FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA @schema@ FROM PUBLIC;
