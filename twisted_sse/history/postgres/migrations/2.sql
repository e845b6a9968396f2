-- Publishing in a transaction costs less.
--
-- PL/pgSQL prepares every expression and every statement again in each transaction, and SET in a
-- function visits all settings of PostgreSQL, twice.  So the usual publication passes one condition
-- and one statement, in a function without SET.
--
-- Signatures stay, so hubs of version 1 go on while they are connected.

INSERT INTO @schema@.migration VALUES (2);

-- The ends of topics that wait in the outbox.  There are seldom any, and PostgreSQL finds out by
-- reading this table, however many publications wait.
CREATE TABLE @schema@.outbox_end (
    number bigint PRIMARY KEY,
    topics text[] NOT NULL COLLATE "C"
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO @schema@.outbox_end
    SELECT number, string_to_array(topics, E'\x1f') FROM @schema@.outbox WHERE outcome IS NOT NULL;

-- Control characters, and those that nobody sees; a regular expression.
CREATE FUNCTION @schema@.hidden() RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT E'[\x01-\x1f\x7f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e'
        '\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]';
$$;
REVOKE ALL ON FUNCTION @schema@.hidden() FROM PUBLIC;

-- Half a sentence about what is wrong with a publication; NULL if nothing is.
CREATE OR REPLACE FUNCTION @schema@.fault(
    a_topics text[], a_data text, a_event text, a_id text, a_private boolean
) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = @schema@, pg_temp AS $$
DECLARE
    topic text;
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
        ELSIF topic COLLATE "C" ~ hidden() THEN
            RETURN 'a topic has a control character, or one that nobody sees';
        END IF;
    END LOOP;
    IF a_event = '' OR a_event COLLATE "C" ~ E'[\n\r]' THEN
        RETURN 'event must be one line, or NULL for the default type';
    ELSIF a_event IN ('stream-open', 'stream-reset', 'stream-error', 'stream-topics',
            'stream-heartbeat', 'topic-begin', 'topic-end', 'presence-state', 'presence-join',
            'presence-leave', 'presence-count') THEN
        RETURN 'this event type is reserved for the hub';
    ELSIF a_id IN ('', 'earliest') OR octet_length(a_id) > 1024 OR a_id COLLATE "C" ~ hidden()
            OR a_id <> btrim(a_id, E' \t') THEN
        RETURN 'id must be 1 to 1024 bytes of printable characters without spaces around them,'
            || ' and not earliest';
    END IF;
    RETURN NULL;
END $$;

-- Put a publication into the outbox, or refuse it.
CREATE OR REPLACE FUNCTION @schema@.post(
    a_topics text[], a_data text, a_event text, a_id text, a_private boolean, a_outcome text,
    a_notify boolean
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = @schema@, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    closed text;
    place bigint;
BEGIN
    -- Whether there is any end is known sooner than whether there is one of these topics.
    IF EXISTS (SELECT FROM ended) THEN
        SELECT e.topic INTO closed FROM ends_of(a_topics) AS e LIMIT 1;
    END IF;
    -- An end in the outbox counts as well: it comes first.
    IF closed IS NULL AND EXISTS (SELECT FROM outbox_end) THEN
        SELECT x INTO closed
            FROM outbox_end AS o, unnest(o.topics) AS x WHERE x = ANY (a_topics) LIMIT 1;
    END IF;
    IF closed IS NOT NULL THEN
        RAISE 'the topic % has ended: publish to another one', left(closed, 100)
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO outbox (topics, private, id, event, data, outcome)
        VALUES (array_to_string(a_topics, E'\x1f'), a_private, a_id, a_event, a_data, a_outcome)
        RETURNING number INTO place;
    IF a_outcome IS NOT NULL THEN
        INSERT INTO outbox_end VALUES (place, a_topics);
    END IF;
    IF a_notify THEN
        PERFORM pg_notify(@outbox@, '');
    END IF;
END $$;

-- Without SET search_path, so every name says where it is: whoever calls this with the rights of its
-- owner may have functions and operators of the same names.
CREATE OR REPLACE FUNCTION @schema@.publish(
    topics text[], data text, event text DEFAULT NULL, id text DEFAULT NULL,
    private boolean DEFAULT false, notify boolean DEFAULT false
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    joined pg_catalog.text := pg_catalog.array_to_string(topics, '');
    wrong pg_catalog.text;
BEGIN
    -- If this is true, fault() finds nothing.  What is NULL is not true.
    IF (
        pg_catalog.cardinality(topics) OPERATOR(pg_catalog.>) 0
        AND pg_catalog.cardinality(topics) OPERATOR(pg_catalog.<=) 100
        AND '' OPERATOR(pg_catalog.<>) ALL (topics) AND '*' OPERATOR(pg_catalog.<>) ALL (topics)
        AND pg_catalog.octet_length(joined) OPERATOR(pg_catalog.<=) 4096
        AND joined COLLATE pg_catalog."C" OPERATOR(pg_catalog.!~) @schema@.hidden()
        AND (event IS NULL OR event OPERATOR(pg_catalog.<>) '' AND event COLLATE pg_catalog."C"
            OPERATOR(pg_catalog.!~) E'^(stream|topic|presence)-|[\n\r]')
        AND id IS NULL AND data IS NOT NULL AND private IS NOT NULL
    ) IS NOT TRUE THEN
        wrong := @schema@.fault(topics, data, event, id, private);
        IF wrong IS NOT NULL THEN
            RAISE '%', wrong USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END IF;
    -- Whether any topic has ended is known sooner than whether one of these has.
    INSERT INTO @schema@.outbox (topics, private, id, event, data)
        SELECT pg_catalog.array_to_string(topics, E'\x1f'), private, id, event, data
        WHERE NOT EXISTS (SELECT FROM @schema@.ended)
            AND NOT EXISTS (SELECT FROM @schema@.outbox_end);
    IF NOT FOUND THEN
        PERFORM @schema@.post(topics, data, event, id, private, NULL, notify);
    ELSIF notify THEN
        PERFORM pg_catalog.pg_notify(@outbox@, '');
    END IF;
END $$;

-- With the rights of its caller and without SET, so PostgreSQL replaces the call by its body.
CREATE OR REPLACE FUNCTION @schema@.publish(
    topics text[], data jsonb, event text DEFAULT NULL, id text DEFAULT NULL,
    private boolean DEFAULT false, notify boolean DEFAULT false
) RETURNS void LANGUAGE sql AS $$
    SELECT @schema@.publish(topics, data::pg_catalog.text, event, id, private, notify);
$$;

-- Move what is committed into the one order, in one transaction.  Answers how many were taken, -1
-- if another hub is moving; and a topic of each that was discarded, because the topic had ended
-- after it was published.
--
-- Never by "number greater than the last": numbers are taken before commits, so a later commit may
-- have a lower one.  What is there is what is not moved yet.
CREATE OR REPLACE FUNCTION @schema@.move(
    a_most int, a_events bigint, a_bytes bigint, a_age interval,
    OUT moved int, OUT discarded text[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema@, pg_temp SET jit = off AS $$
DECLARE
    m_number bigint[];
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
    SELECT count(*), array_agg(number), array_agg(topics ORDER BY number),
            array_agg(private ORDER BY number), array_agg(id ORDER BY number),
            array_agg(convert_to(event, 'UTF8') ORDER BY number),
            array_agg(convert_to(data, 'UTF8') ORDER BY number), array_agg(outcome ORDER BY number)
        INTO moved, m_number, m_topics, m_private, m_id, m_event, m_data, m_outcome FROM gone;
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
    DELETE FROM outbox_end WHERE number = ANY (m_number);
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

-- The last statement, because it waits for all transactions that have published, and those that
-- publish next wait for it.
SET LOCAL lock_timeout = '5s';
DROP INDEX @schema@.outbox_ends;
SET LOCAL lock_timeout = DEFAULT;

-- After a backup was restored, each connection of a hub began another epoch, because the one that
-- the hub knows is not there.  An epoch that begins above all numbers that the hub knows tells it
-- already that they are gone.
CREATE OR REPLACE FUNCTION @schema@.open(
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
            AND NOT (gone AND coalesce(known.first = e.first, a_number >= e.first));
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
