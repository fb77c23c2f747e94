-- What limits have counted goes when no question can name its window any more: a day, a week or a month two days after the longest
-- of them, a rolling window two days after it.
ALTER TABLE holdfast.counter ADD COLUMN over_at timestamptz;
COMMENT ON COLUMN holdfast.counter.over_at IS 'From when on nothing of it can count any more; none for a lifetime';

-- No bucket is longer than the time since 1970 divided by its number.
CREATE FUNCTION holdfast.counter_over(p_kind text, p_slot bigint, p_length bigint, p_at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_kind = 'since' THEN timestamptz 'epoch' + p_slot * interval '1 microsecond' + interval '816 hours'
        WHEN p_kind = 'rolling' AND p_slot > 0 THEN
            p_at + trunc((extract(epoch FROM p_at) * 1000000)::numeric * (p_length + 1) / p_slot)::bigint * interval '1 microsecond'
                + interval '48 hours'
    END
$$;
COMMENT ON FUNCTION holdfast.counter_over IS 'From when on nothing can count any more that was counted then in that slot of a window of so many';

-- Of those that are there nobody knows how many buckets their windows have: no more than 61.
UPDATE holdfast.counter SET over_at = holdfast.counter_over(kind, slots[cardinality(slots)], 61, now()) WHERE kind <> 'lifetime';

-- A counter that somebody works with is left to the next look.
CREATE FUNCTION holdfast.drop_counters(p_before timestamptz, p_most integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    WITH dropped AS (
        DELETE FROM holdfast.counter WHERE ctid = ANY (ARRAY(
            SELECT c.ctid FROM holdfast.counter c WHERE c.over_at < least(p_before, now()) LIMIT p_most FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM dropped
$$;
COMMENT ON FUNCTION holdfast.drop_counters IS 'Drops counters that were over before then, so many at most; how many they were';
REVOKE ALL ON FUNCTION holdfast.drop_counters, holdfast.counter_over FROM PUBLIC;
GRANT EXECUTE ON FUNCTION holdfast.drop_counters, holdfast.counter_over TO holdfast_responder;
