-- Deciding in one round trip: key, status, limits, funds, hold and record in one transaction of one statement. It decides what
-- is plain, by the same order of reasons as the engine; whatever is not plain it leaves to the engine, and has written nothing.
-- A test compares the two on a hundred thousand slices and questions. Later steps make it anew as it is here by then.

DROP FUNCTION IF EXISTS holdfast.decide, holdfast.varint;

-- A number as the journal writes it: seven bits a byte, the lowest first.
CREATE FUNCTION holdfast.varint(p_number bigint) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    written bytea := '';
    rest bigint := p_number;
BEGIN
    WHILE rest > 127 LOOP
        written := written || set_byte('\x00', 0, ((rest & 127) | 128)::integer);
        rest := rest >> 7;
    END LOOP;
    RETURN written || set_byte('\x00', 0, rest::integer);
END $$;
COMMENT ON FUNCTION holdfast.varint IS 'A number that is not negative, as the journal writes it';

CREATE FUNCTION holdfast.decide(
    p_program text, p_platform text, p_card text, p_currency text, p_owner text,
    p_key uuid, p_digest uuid, p_asked_at timestamptz, p_key_text text,
    p_names uuid[], p_payment text,
    p_record bigint, p_hold bigint, p_at timestamptz, p_not_after timestamptz,
    p_approves boolean, p_rule_reason text,
    p_amount bigint, p_needs bigint, p_in_part boolean, p_posted bigint, p_held bigint,
    p_status text, p_posting text, p_authorized bigint, p_hold_held bigint, p_ahead bigint, p_tolerance bigint,
    p_expiry text, p_expires_at timestamptz, p_life bytea,
    p_counters bigint[], p_scopes text[], p_kinds text[], p_slots bigint[], p_lengths bigint[],
    p_amounts_max bigint[], p_counts_max bigint[], p_enforced boolean[], p_bases bytea[], p_in_order integer[],
    p_counts boolean, p_counts_amount bigint, p_counts_count bigint,
    p_head bytea, p_middle bytea, p_outcome bytea, p_answered bytea, p_hold_place bytea, p_merchant bigint,
    OUT said text, OUT reason text, OUT by_limit integer, OUT account bigint,
    OUT known_digest uuid, OUT known_amount bigint, OUT known_currency text,
    OUT now_posted bigint, OUT now_held bigint, OUT now_credit_line bigint, OUT now_changes bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    v_locked bigint;
    v_card record;
    v_account record;
    v_counter record;
    v_subjects bigint[] := '{}';
    v_used_amounts bigint[] := '{}';
    v_used_counts bigint[] := '{}';
    v_known boolean[] := '{}';
    v_limits integer := cardinality(p_counters);
    v_subject bigint;
    v_amount bigint;
    v_count bigint;
    v_code integer;
    v_basis bytea := '\x02';
    v_uses bytea;
    v_outcome bytea;
    v_place bytea := '\x000000';
    v_change bigint := 0;
    i integer;
BEGIN
    -- The account's lock covers all that is read after it.
    SELECT a.number INTO v_locked FROM holdfast.account a
        WHERE a.number = (SELECT c.account FROM holdfast.card c WHERE c.program = p_program AND c.token = p_card) FOR UPDATE;
    IF clock_timestamp() > p_not_after THEN
        said := 'late';
        RETURN;
    END IF;
    SELECT k.digest, k.amount, k.currency, k.reason INTO known_digest, known_amount, known_currency, reason
        FROM holdfast.asked k WHERE k.key = p_key;
    IF FOUND THEN
        said := 'again';
        RETURN;
    END IF;
    said := 'engine';
    PERFORM FROM holdfast.hold_name n WHERE n.name = ANY (p_names);
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT c.number, c.account, c.status, c.place, c.used_since, c.merchants, p.token AS owner, p.status AS owner_status INTO v_card
        FROM holdfast.card c LEFT JOIN holdfast.cardholder p ON p.number = c.cardholder
        WHERE c.program = p_program AND c.token = p_card;
    IF v_card.number IS NOT NULL THEN
        IF p_owner <> v_card.owner OR (p_owner IS NOT NULL AND v_card.owner IS NULL) THEN
            -- It is not known whose the card is, or it is somebody else's.
            RETURN;
        END IF;
        v_place := v_card.place;
        account := v_card.account;
    END IF;
    IF account IS DISTINCT FROM v_locked THEN
        -- It changed hands at this moment.
        RETURN;
    END IF;
    SELECT a.currency, a.status, a.posted, a.held, a.credit_line, a.changes INTO v_account
        FROM holdfast.account a WHERE a.number = account;
    v_change := coalesce(v_account.changes, 0);

    -- What limits have counted; program-wide ones are many accounts', so all are locked in one order.
    FOR o IN 1 .. v_limits LOOP
        i := p_in_order[o];
        v_subject := CASE p_scopes[i] WHEN 'card' THEN v_card.number WHEN 'account' THEN account ELSE 0 END;
        v_subjects[i] := v_subject;
        v_used_amounts[i] := 0;
        v_used_counts[i] := 0;
        v_known[i] := false;
        CONTINUE WHEN v_subject IS NULL;
        SELECT c.kind, c.slots, c.amounts, c.counts INTO v_counter FROM holdfast.counter c
            WHERE c.counter = p_counters[i] AND c.scope = p_scopes[i] AND c.subject = v_subject FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        v_known[i] := true;
        IF v_counter.kind <> p_kinds[i] THEN
            -- Another limit's by now: the engine begins it anew.
            RETURN;
        ELSIF p_kinds[i] = 'rolling' THEN
            IF v_counter.slots[cardinality(v_counter.slots)] > p_slots[i] THEN
                RETURN;
            END IF;
            SELECT coalesce(sum(b.amount), 0), coalesce(sum(b.many), 0) INTO v_amount, v_count
                FROM unnest(v_counter.slots, v_counter.amounts, v_counter.counts) AS b (slot, amount, many)
                WHERE b.slot > p_slots[i] - p_lengths[i] AND b.slot <= p_slots[i];
            v_used_amounts[i] := v_amount;
            v_used_counts[i] := v_count;
        ELSIF v_counter.slots[1] = p_slots[i] THEN
            v_used_amounts[i] := v_counter.amounts[1];
            v_used_counts[i] := v_counter.counts[1];
        ELSIF v_counter.slots[1] > p_slots[i] - p_lengths[i] THEN
            -- Of a window that is closed already, or of a calendar that was moved: the engine knows which one is open.
            RETURN;
        END IF;
        IF v_used_amounts[i] < 0 THEN
            RETURN;
        END IF;
    END LOOP;

    -- The first to object is the reason.
    IF v_card.number IS NULL THEN
        reason := 'card_unknown';
    ELSIF v_card.status <> 'active' THEN
        reason := CASE v_card.status WHEN 'unactivated' THEN 'card_not_active' ELSE 'card_' || v_card.status END;
    ELSIF v_card.owner_status <> 'active' THEN
        reason := 'cardholder_not_active';
    ELSIF account IS NULL THEN
        reason := 'account_unknown';
    ELSIF v_account.status <> 'active' THEN
        reason := 'account_' || v_account.status;
    ELSIF v_account.currency <> p_currency THEN
        reason := 'currency_not_allowed';
    ELSIF NOT p_approves THEN
        reason := p_rule_reason;
        v_outcome := p_outcome;
    ELSE
        FOR l IN 1 .. v_limits LOOP
            CONTINUE WHEN NOT p_enforced[l];
            IF p_counts_amount > 0 AND p_amounts_max[l] IS NOT NULL
                AND p_counts_amount > p_amounts_max[l] - v_used_amounts[l] THEN
                IF p_in_part THEN
                    RETURN;
                END IF;
                reason := 'amount_limit_reached';
            ELSIF p_counts_count > 0 AND v_used_counts[l] + p_counts_count > p_counts_max[l] THEN
                reason := 'count_limit_reached';
            END IF;
            IF reason IS NOT NULL THEN
                by_limit := l;
                v_basis := p_bases[l];
                EXIT;
            END IF;
        END LOOP;
        IF reason IS NULL AND p_needs IS NOT NULL THEN
            IF p_amount > v_account.posted::numeric - v_account.held + v_account.credit_line THEN
                IF p_in_part THEN
                    RETURN;
                END IF;
                reason := 'insufficient_funds';
            ELSIF p_needs > v_account.posted::numeric - v_account.held + v_account.credit_line THEN
                -- Not all of what is wanted on top is there.
                RETURN;
            END IF;
        END IF;
    END IF;

    IF reason IS NULL THEN
        said := 'approved';
        v_outcome := p_outcome;
        IF p_life IS NOT NULL OR (p_counts AND v_limits > 0) THEN
            UPDATE holdfast.account a SET posted = a.posted + p_posted, held = a.held + p_held, changes = a.changes + 1,
                holds_open = a.holds_open + (p_life IS NOT NULL AND p_status = 'open')::integer
                WHERE a.number = account
                RETURNING a.posted, a.held, a.credit_line, a.changes INTO now_posted, now_held, now_credit_line, now_changes;
            v_change := now_changes;
        END IF;
        IF p_life IS NOT NULL THEN
            INSERT INTO holdfast.hold (number, program, platform, payment, account, card, status, posting, authorized, held,
                ahead, captured, refunded, moved, tolerance, expiry, expires_at, opened_at, changed_at, names, life)
                VALUES (p_hold, p_program, p_platform, p_payment, account, v_card.number, p_status, p_posting, p_authorized,
                p_hold_held, p_ahead, 0, 0, 0, p_tolerance, p_expiry, p_expires_at, p_at, p_at, p_names, p_life);
            INSERT INTO holdfast.hold_name (name, hold) SELECT n, p_hold FROM unnest(p_names) AS n;
            IF v_card.used_since IS NULL OR (p_merchant IS NOT NULL AND p_merchant <> ALL (v_card.merchants)) THEN
                UPDATE holdfast.card c SET used_since = coalesce(c.used_since, p_at),
                    merchants = CASE WHEN p_merchant IS NULL THEN c.merchants ELSE (p_merchant || c.merchants)[1:8] END,
                    merchants_others = c.merchants_others OR CASE WHEN c.used_since IS NULL THEN p_merchant IS NULL
                        ELSE cardinality(c.merchants) IN (0, 8) END
                    WHERE c.number = v_card.number;
            END IF;
        END IF;
        IF p_counts THEN
            FOR o IN 1 .. v_limits LOOP
                i := p_in_order[o];
                IF NOT v_known[i] THEN
                    INSERT INTO holdfast.counter (counter, scope, subject, kind, slots, amounts, counts, over_at)
                        VALUES (p_counters[i], p_scopes[i], v_subjects[i], p_kinds[i], ARRAY[p_slots[i]],
                        ARRAY[p_counts_amount], ARRAY[p_counts_count],
                        holdfast.counter_over(p_kinds[i], p_slots[i], p_lengths[i], p_at));
                ELSIF p_kinds[i] <> 'rolling' THEN
                    UPDATE holdfast.counter c SET slots = ARRAY[p_slots[i]],
                        amounts = ARRAY[v_used_amounts[i] + p_counts_amount], counts = ARRAY[v_used_counts[i] + p_counts_count],
                        over_at = holdfast.counter_over(p_kinds[i], p_slots[i], p_lengths[i], p_at)
                        WHERE c.counter = p_counters[i] AND c.scope = p_scopes[i] AND c.subject = v_subjects[i];
                ELSE
                    UPDATE holdfast.counter c SET over_at = CASE
                            WHEN coalesce(c.slots[cardinality(c.slots)] < p_slots[i], true)
                                THEN holdfast.counter_over(p_kinds[i], p_slots[i], p_lengths[i], p_at)
                            ELSE c.over_at
                        END,
                        (slots, amounts, counts) = (
                        SELECT array_agg(b.slot ORDER BY b.slot), array_agg(b.amount ORDER BY b.slot),
                            array_agg(b.many ORDER BY b.slot)
                        FROM (
                            SELECT s.slot, sum(s.amount)::bigint AS amount, sum(s.many)::bigint AS many
                            FROM (
                                SELECT * FROM unnest(c.slots, c.amounts, c.counts)
                                UNION ALL SELECT p_slots[i], p_counts_amount, p_counts_count) AS s (slot, amount, many)
                            WHERE s.slot > p_slots[i] - p_lengths[i] GROUP BY s.slot) AS b)
                        WHERE c.counter = p_counters[i] AND c.scope = p_scopes[i] AND c.subject = v_subjects[i];
                END IF;
            END LOOP;
        END IF;
        INSERT INTO holdfast.asked (key, digest, asked_at, amount, currency, at)
            VALUES (p_key, p_digest, p_asked_at, p_amount, p_currency, p_at);
    ELSE
        said := 'declined';
        INSERT INTO holdfast.asked (key, digest, asked_at, reason, at) VALUES (p_key, p_digest, p_asked_at, reason, p_at);
        IF v_outcome IS NULL THEN
            -- As the journal writes a decline that changes nothing.
            v_code := CASE reason WHEN 'insufficient_funds' THEN 0 WHEN 'amount_limit_reached' THEN 3
                WHEN 'count_limit_reached' THEN 4 WHEN 'currency_not_allowed' THEN 14 WHEN 'card_unknown' THEN 16
                WHEN 'card_not_active' THEN 17 WHEN 'card_frozen' THEN 18 WHEN 'card_lost' THEN 19 WHEN 'card_stolen' THEN 20
                WHEN 'card_expired' THEN 21 WHEN 'card_closed' THEN 22 WHEN 'cardholder_not_active' THEN 23
                WHEN 'account_unknown' THEN 24 WHEN 'account_frozen' THEN 25 WHEN 'account_closed' THEN 26 END;
            v_outcome := '\x0101'::bytea || set_byte('\x00', 0, v_code) || v_basis || '\x01'::bytea || p_answered
                || '\x01'::bytea || set_byte('\x00', 0, v_code) || '\x0000000000000000'::bytea;
        END IF;
    END IF;
    v_uses := holdfast.varint(v_limits);
    FOR l IN 1 .. v_limits LOOP
        v_uses := v_uses || holdfast.varint(2 * v_used_amounts[l]) || holdfast.varint(v_used_counts[l]);
    END LOOP;
    INSERT INTO holdfast.record (at, id, program, platform, kind, key, account, account_change, card, hold, decision, reason,
        posted, held, cause, body)
        VALUES (p_at, p_record, p_program, p_platform, 'decided', p_key_text, account, v_change, v_card.number,
        CASE WHEN said = 'approved' AND p_life IS NOT NULL THEN p_hold END,
        CASE said WHEN 'approved' THEN 'approve' ELSE 'decline' END, reason,
        CASE said WHEN 'approved' THEN p_posted ELSE 0 END, CASE said WHEN 'approved' THEN p_held ELSE 0 END,
        CASE WHEN said = 'approved' AND p_posted <> 0 THEN 'network_settlement' END,
        p_head || v_place || CASE WHEN said = 'approved' AND p_life IS NOT NULL THEN p_hold_place ELSE '\x00'::bytea END
            || p_middle || v_uses || v_outcome);
END $$;
COMMENT ON FUNCTION holdfast.decide IS 'Decides a question that opens a payment: approved, declined, again (the key is known), late, or engine (nothing is written)';
REVOKE ALL ON FUNCTION holdfast.varint, holdfast.decide FROM PUBLIC;
GRANT EXECUTE ON FUNCTION holdfast.varint, holdfast.decide TO holdfast_responder;
