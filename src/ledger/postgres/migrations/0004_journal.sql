-- The journal's partitions, a month each, made ahead; its chain; and what was dropped of it. Responders do not own the tables:
-- two functions do it for them, and drop nothing that is young or not chained.

CREATE TABLE holdfast.chain (
    number bigint PRIMARY KEY CHECK (number > 0),
    upto bigint NOT NULL,
    records bigint NOT NULL CHECK (records > 0),
    first bigint NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    chained_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE holdfast.chain IS 'Ties the journal together: each group of records to all before it. Only ever added to';
COMMENT ON COLUMN holdfast.chain.number IS 'Counts the groups, from 1';
COMMENT ON COLUMN holdfast.chain.upto IS 'The group has the records of all transactions below this one that are in no group before it';
COMMENT ON COLUMN holdfast.chain.records IS 'How many records it has';
COMMENT ON COLUMN holdfast.chain.first IS 'Counts the records: which one its first is, from 1';
COMMENT ON COLUMN holdfast.chain.hash IS 'SHA-256 of the hash before it, its first record''s count, how many it has, and all of them in the order of transaction, at and id';
COMMENT ON COLUMN holdfast.chain.chained_at IS 'When';

CREATE TABLE holdfast.dropped (
    partition text PRIMARY KEY,
    records bigint NOT NULL,
    upto_group bigint NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE holdfast.dropped IS 'Partitions of the journal that were dropped';
COMMENT ON COLUMN holdfast.dropped.partition IS 'Its name, which has its month';
COMMENT ON COLUMN holdfast.dropped.records IS 'How many records it had';
COMMENT ON COLUMN holdfast.dropped.upto_group IS 'The last group of the chain that had a record in it';
COMMENT ON COLUMN holdfast.dropped.dropped_at IS 'When';

CREATE FUNCTION holdfast.make_partitions() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '300ms' AS $$
DECLARE
    v_from timestamptz;
    v_name text;
    v_made integer := 0;
BEGIN
    FOR ahead IN 0 .. 2 LOOP
        v_from := date_trunc('month', now()) + make_interval(months => ahead);
        v_name := 'record_' || to_char(v_from, 'YYYY_MM');
        CONTINUE WHEN to_regclass('holdfast.' || v_name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE holdfast.%I (LIKE holdfast.record INCLUDING ALL)', v_name);
            EXECUTE format('COMMENT ON TABLE holdfast.%I IS %L', v_name, 'The journal''s records of ' || to_char(v_from, 'YYYY-MM'));
            EXECUTE format('ALTER TABLE holdfast.record ATTACH PARTITION holdfast.%I FOR VALUES FROM (%L) TO (%L)',
                v_name, v_from, v_from + interval '1 month');
            v_made := v_made + 1;
        EXCEPTION WHEN check_violation OR lock_not_available OR duplicate_table THEN
            -- Records of that month are in record_other already and stay there; or somebody is in the way, and the next try does it.
            NULL;
        END;
    END LOOP;
    RETURN v_made;
END $$;
COMMENT ON FUNCTION holdfast.make_partitions IS 'Makes the journal''s partitions of this month and the next two; how many were not there';

CREATE FUNCTION holdfast.drop_partitions(p_before timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '300ms' AS $$
DECLARE
    v_before timestamptz := least(p_before, now() - interval '36 days');
    v_chained bigint;
    v_name text;
    v_records bigint;
    v_last bigint;
    v_dropped bigint := 0;
BEGIN
    SELECT coalesce(max(c.upto), 0) INTO v_chained FROM holdfast.chain c;
    FOR v_name IN SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
        WHERE i.inhparent = 'holdfast.record'::regclass AND c.relname ~ '^record_\d{4}_\d{2}$' ORDER BY c.relname LOOP
        EXIT WHEN to_date(substring(v_name FROM 8), 'YYYY_MM') + interval '1 month' > v_before;
        EXECUTE format('SELECT count(*), coalesce(max(transaction::text::bigint), 0) FROM holdfast.%I', v_name) INTO v_records, v_last;
        -- What is not chained yet is the proof of nothing: it stays until it is, and everything behind it.
        EXIT WHEN v_last >= v_chained AND v_records > 0;
        BEGIN
            EXECUTE format('DROP TABLE holdfast.%I', v_name);
            INSERT INTO holdfast.dropped (partition, records, upto_group)
                SELECT v_name, v_records, coalesce(min(c.number), 0) FROM holdfast.chain c WHERE c.upto > v_last AND v_records > 0;
            v_dropped := v_dropped + v_records;
        EXCEPTION WHEN lock_not_available THEN
            EXIT;
        END;
    END LOOP;
    RETURN v_dropped;
END $$;
COMMENT ON FUNCTION holdfast.drop_partitions IS 'Drops partitions of the journal that ended before then, at least 36 days ago, and are chained; how many records they had';

REVOKE ALL ON FUNCTION holdfast.make_partitions, holdfast.drop_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION holdfast.make_partitions, holdfast.drop_partitions TO holdfast_responder;
GRANT SELECT ON holdfast.chain, holdfast.dropped TO holdfast_responder, holdfast_reader;
GRANT INSERT ON holdfast.chain TO holdfast_responder;
SELECT holdfast.make_partitions();
