-- Movements add up to what is posted: an account's opening balance is one. Transactions are counted on when a dump is loaded into a
-- cluster that counts from a lower number. Publications wait for each other. Readers read what is meant to be read.

-- What an account was entered with, where its first record is still there: all others that moved it are behind it.
UPDATE holdfast.record r SET posted = o.opening, cause = 'funding'
FROM (
    SELECT a.number, (a.posted - coalesce((SELECT sum(s.posted) FROM holdfast.record s WHERE s.account = a.number), 0))::bigint AS opening
    FROM holdfast.account a
) AS o
WHERE r.account = o.number AND r.kind = 'account_entered' AND r.account_change = 1 AND r.posted = 0 AND o.opening <> 0;
COMMENT ON COLUMN holdfast.record.posted IS 'What was added to what is posted. Of a new account, all that it was entered with; where months of the journal were dropped, the sum of an account begins later';

INSERT INTO holdfast.numbering VALUES ('publication', 0);
COMMENT ON TABLE holdfast.numbering IS 'Which number the next account, card or cardholder gets; none of them is made on the way of a payment. Publications of rules wait here for each other';
COMMENT ON COLUMN holdfast.numbering.what IS 'account, card, cardholder or publication';

ALTER TABLE holdfast.setting ADD COLUMN counted_before bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN holdfast.setting.counted_before IS 'What is added to this cluster''s transaction ids: 0 unless the database was loaded into it from one that counted higher';
COMMENT ON COLUMN holdfast.record.transaction IS 'The transaction that wrote it, counted on from cluster to cluster (setting.counted_before): whoever chains records takes those of finished ones';
COMMENT ON COLUMN holdfast.signal.transaction IS 'The transaction that wrote it, counted on from cluster to cluster: endpoints are told what finished ones wrote';

CREATE FUNCTION holdfast.go_on_counting() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
    v_last bigint;
    v_before bigint;
BEGIN
    FOR attempt IN 1 .. 2 LOOP
        SELECT s.counted_before INTO v_before FROM holdfast.setting s;
        SELECT greatest(
            (SELECT r.transaction::text::bigint FROM holdfast.record r ORDER BY r.transaction DESC LIMIT 1),
            (SELECT s.transaction::text::bigint FROM holdfast.signal s ORDER BY s.transaction DESC LIMIT 1),
            (SELECT c.upto - 1 FROM holdfast.chain c ORDER BY c.number DESC LIMIT 1),
            (SELECT max(greatest(e.upto, e.signals_upto)) - 1 FROM holdfast.webhook_endpoint e), 0) INTO v_last;
        -- Whatever can be seen here was written below this, if it was written in this cluster.
        IF v_last < pg_snapshot_xmax(pg_current_snapshot())::text::bigint + v_before THEN
            RETURN false;
        END IF;
        EXIT WHEN attempt = 2;
        -- Nobody writes a record meanwhile, and whoever comes second finds it done.
        LOCK TABLE holdfast.record, holdfast.signal IN ACCESS EXCLUSIVE MODE;
    END LOOP;
    v_before := v_last + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    UPDATE holdfast.setting SET counted_before = v_before;
    EXECUTE format('ALTER TABLE holdfast.record ALTER COLUMN transaction SET DEFAULT (pg_current_xact_id()::text::bigint + %s)::text::xid8', v_before);
    EXECUTE format('ALTER TABLE holdfast.signal ALTER COLUMN transaction SET DEFAULT (pg_current_xact_id()::text::bigint + %s)::text::xid8', v_before);
    RETURN true;
END $$;
COMMENT ON FUNCTION holdfast.go_on_counting IS 'Has records counted on behind those that another cluster counted, after a dump of it was loaded into this one; whether that was to be done';
REVOKE ALL ON FUNCTION holdfast.go_on_counting FROM PUBLIC;
GRANT EXECUTE ON FUNCTION holdfast.go_on_counting TO holdfast_responder;

-- Readers: accounts, holds, movements and the journal without what only the program reads.
REVOKE ALL ON ALL TABLES IN SCHEMA holdfast FROM holdfast_reader;
CREATE VIEW holdfast.journal AS
SELECT r.at, r.id, r.program, r.platform, r.kind, r.key, a.name AS account, c.token AS card, r.hold, h.payment, r.decision, r.reason,
    r.posted, r.held, a.currency, r.cause, r.finding
FROM holdfast.record r LEFT JOIN holdfast.account a ON a.number = r.account LEFT JOIN holdfast.card c ON c.number = r.card
    LEFT JOIN holdfast.hold h ON h.number = r.hold;
COMMENT ON VIEW holdfast.journal IS 'The journal for people: one row a record, with names for numbers. What a record says besides is in `holdfast explain --json`';
COMMENT ON COLUMN holdfast.journal.at IS 'When the ledger applied it';
COMMENT ON COLUMN holdfast.journal.id IS 'The record';
COMMENT ON COLUMN holdfast.journal.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.journal.platform IS 'Who asked or told; none for operators and the program itself';
COMMENT ON COLUMN holdfast.journal.kind IS 'decided, adopted, told, ordered, kept, account_entered, card_entered, rules_published or opened';
COMMENT ON COLUMN holdfast.journal.key IS 'The idempotency key of the question, order or message';
COMMENT ON COLUMN holdfast.journal.account IS 'The account''s name';
COMMENT ON COLUMN holdfast.journal.card IS 'The card''s token';
COMMENT ON COLUMN holdfast.journal.hold IS 'The hold';
COMMENT ON COLUMN holdfast.journal.payment IS 'The platform''s first name for the payment of that hold';
COMMENT ON COLUMN holdfast.journal.decision IS 'approve or decline, where something was asked';
COMMENT ON COLUMN holdfast.journal.reason IS 'Why it was declined';
COMMENT ON COLUMN holdfast.journal.posted IS 'What was added to what is posted, in minor units';
COMMENT ON COLUMN holdfast.journal.held IS 'What was added to what is held, in minor units';
COMMENT ON COLUMN holdfast.journal.currency IS 'ISO 4217 code of both';
COMMENT ON COLUMN holdfast.journal.cause IS 'What posted is balanced against';
COMMENT ON COLUMN holdfast.journal.finding IS 'What somebody should know about it';
COMMENT ON COLUMN holdfast.movement.at IS 'When the ledger applied it';
COMMENT ON COLUMN holdfast.movement.record IS 'The record';
COMMENT ON COLUMN holdfast.movement.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.movement.account IS 'The account''s name';
COMMENT ON COLUMN holdfast.movement.hold IS 'The hold';
COMMENT ON COLUMN holdfast.movement.posted IS 'What was added to what is posted, in minor units';
COMMENT ON COLUMN holdfast.movement.held IS 'What was added to what is held, in minor units';
COMMENT ON COLUMN holdfast.movement.currency IS 'ISO 4217 code of both';
COMMENT ON COLUMN holdfast.movement.cause IS 'What posted is balanced against';
COMMENT ON COLUMN holdfast.movement.finding IS 'What somebody should know about it';
COMMENT ON SEQUENCE holdfast.webhook_letter_id_seq IS 'Numbers letters; not asked on the way of a payment';
COMMENT ON SEQUENCE holdfast.webhook_replay_id_seq IS 'Numbers what is sent once more; not asked on the way of a payment';
GRANT SELECT ON holdfast.account, holdfast.hold, holdfast.movement, holdfast.journal, holdfast.chain, holdfast.dropped,
    holdfast.migration TO holdfast_reader;
GRANT SELECT (at, id, program, platform, kind, key, account, account_change, card, hold, decision, reason, posted, held, cause, finding,
    transaction) ON holdfast.record TO holdfast_reader;
