-- The ledger. Moments are with their zone, amounts are minor units of the account's currency, numbers of accounts, cards and
-- cardholders are those of the journal, and numbers of holds and records come from the responders: no sequence is asked on
-- the way of a payment.

CREATE TABLE holdfast.setting (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    name_key bytea NOT NULL CHECK (octet_length(name_key) = 16)
);
COMMENT ON TABLE holdfast.setting IS 'What is decided once for all responders; one row';
COMMENT ON COLUMN holdfast.setting.only_row IS 'There is no second row';
COMMENT ON COLUMN holdfast.setting.name_key IS 'Keys the fingerprints of names and keys: 128 random bits. Never changes';
INSERT INTO holdfast.setting (name_key)
VALUES (substring(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')) FOR 16));

CREATE TABLE holdfast.numbering (
    what text PRIMARY KEY,
    next bigint NOT NULL
);
COMMENT ON TABLE holdfast.numbering IS 'Which number the next account, card or cardholder gets; none of them is made on the way of a payment';
COMMENT ON COLUMN holdfast.numbering.what IS 'account, card or cardholder';
COMMENT ON COLUMN holdfast.numbering.next IS 'The number that the next one gets';
INSERT INTO holdfast.numbering VALUES ('account', 0), ('card', 0), ('cardholder', 0);

CREATE TABLE holdfast.account (
    number bigint PRIMARY KEY,
    program text NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'frozen', 'closed')),
    posted bigint NOT NULL,
    held bigint NOT NULL,
    credit_line bigint NOT NULL,
    holds_open bigint NOT NULL DEFAULT 0,
    changes bigint NOT NULL DEFAULT 0,
    told_at timestamptz,
    told_by bigint NOT NULL DEFAULT 0,
    UNIQUE (program, name)
) WITH (fillfactor = 50);
COMMENT ON TABLE holdfast.account IS 'Where the money is. Whoever changes an account, its cards, holds or limits locks its row first';
COMMENT ON COLUMN holdfast.account.number IS 'As the journal numbers it; lasting';
COMMENT ON COLUMN holdfast.account.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.account.name IS 'Its name, unique in its program';
COMMENT ON COLUMN holdfast.account.currency IS 'ISO 4217 code of all its amounts';
COMMENT ON COLUMN holdfast.account.status IS 'active, frozen or closed';
COMMENT ON COLUMN holdfast.account.posted IS 'What is on it';
COMMENT ON COLUMN holdfast.account.held IS 'What of it is held for payments under way';
COMMENT ON COLUMN holdfast.account.credit_line IS 'How far below zero posted less held may be spent';
COMMENT ON COLUMN holdfast.account.holds_open IS 'How many of its holds may still be captured';
COMMENT ON COLUMN holdfast.account.changes IS 'How many records changed it: puts its records in their order';
COMMENT ON COLUMN holdfast.account.told_at IS 'When the message happened that told the status; none where nobody told';
COMMENT ON COLUMN holdfast.account.told_by IS 'That message';

CREATE TABLE holdfast.cardholder (
    number bigint PRIMARY KEY,
    program text NOT NULL,
    token text NOT NULL,
    status text CHECK (status IN ('active', 'suspended', 'closed')),
    told_at timestamptz,
    told_by bigint NOT NULL DEFAULT 0,
    UNIQUE (program, token)
);
COMMENT ON TABLE holdfast.cardholder IS 'Who owns cards, by the platform''s token; never a name';
COMMENT ON COLUMN holdfast.cardholder.number IS 'As the journal numbers it; lasting';
COMMENT ON COLUMN holdfast.cardholder.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.cardholder.token IS 'The platform''s token, unique in its program';
COMMENT ON COLUMN holdfast.cardholder.status IS 'active, suspended or closed; none where nobody told';
COMMENT ON COLUMN holdfast.cardholder.told_at IS 'When the message happened that told the status';
COMMENT ON COLUMN holdfast.cardholder.told_by IS 'That message';

CREATE TABLE holdfast.card (
    number bigint PRIMARY KEY,
    program text NOT NULL,
    token text NOT NULL,
    account bigint REFERENCES holdfast.account,
    cardholder bigint REFERENCES holdfast.cardholder,
    status text NOT NULL CHECK (status IN ('active', 'unactivated', 'frozen', 'lost', 'stolen', 'expired', 'closed')),
    told_at timestamptz,
    told_by bigint NOT NULL DEFAULT 0,
    place bytea NOT NULL,
    known_since timestamptz NOT NULL,
    used_since timestamptz,
    UNIQUE (program, token)
);
CREATE INDEX card_by_account ON holdfast.card (account, number);
COMMENT ON TABLE holdfast.card IS 'What is presented, by the platform''s token; never a card number';
COMMENT ON COLUMN holdfast.card.number IS 'As the journal numbers it; lasting';
COMMENT ON COLUMN holdfast.card.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.card.token IS 'The platform''s token, unique in its program';
COMMENT ON COLUMN holdfast.card.account IS 'The account behind it';
COMMENT ON COLUMN holdfast.card.cardholder IS 'Its owner';
COMMENT ON COLUMN holdfast.card.status IS 'active, unactivated, frozen, lost, stolen, expired or closed';
COMMENT ON COLUMN holdfast.card.told_at IS 'When the message happened that told the status; none where nobody told';
COMMENT ON COLUMN holdfast.card.told_by IS 'That message';
COMMENT ON COLUMN holdfast.card.known_since IS 'When it was first heard of';
COMMENT ON COLUMN holdfast.card.used_since IS 'When a payment was placed with it for the first time';
COMMENT ON COLUMN holdfast.card.place IS 'Numbers of account, card and cardholder as the journal writes them: what records of its questions are about';

CREATE TABLE holdfast.ownership (
    cardholder bigint REFERENCES holdfast.cardholder,
    account bigint REFERENCES holdfast.account,
    cards bigint NOT NULL CHECK (cards >= 0),
    PRIMARY KEY (cardholder, account)
);
COMMENT ON TABLE holdfast.ownership IS 'Which accounts are behind a cardholder''s cards';
COMMENT ON COLUMN holdfast.ownership.cardholder IS 'The cardholder';
COMMENT ON COLUMN holdfast.ownership.account IS 'The account';
COMMENT ON COLUMN holdfast.ownership.cards IS 'How many of the cardholder''s cards lead to it';

CREATE TABLE holdfast.hold (
    number bigint PRIMARY KEY,
    program text NOT NULL,
    platform text,
    payment text NOT NULL,
    account bigint NOT NULL,
    card bigint,
    status text NOT NULL CHECK (status IN ('unplaced', 'open', 'captured', 'released', 'expired')),
    posting text NOT NULL CHECK (posting IN ('hold', 'immediate')),
    authorized bigint NOT NULL,
    held bigint NOT NULL,
    ahead bigint NOT NULL,
    captured bigint NOT NULL,
    refunded bigint NOT NULL,
    moved bigint NOT NULL,
    tolerance bigint NOT NULL,
    expiry text NOT NULL CHECK (expiry IN ('told', 'ours')),
    expires_at timestamptz,
    opened_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    names uuid[] NOT NULL,
    life bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX hold_by_account ON holdfast.hold (account, number);
CREATE INDEX hold_due ON holdfast.hold (expires_at) WHERE status = 'open';
COMMENT ON TABLE holdfast.hold IS 'Payments: what is reserved and what became of it';
COMMENT ON COLUMN holdfast.hold.number IS 'Made by the responder that placed it; lasting';
COMMENT ON COLUMN holdfast.hold.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.hold.platform IS 'Whose payment it is; none for one of ours';
COMMENT ON COLUMN holdfast.hold.payment IS 'The platform''s first name for it';
COMMENT ON COLUMN holdfast.hold.account IS 'The account';
COMMENT ON COLUMN holdfast.hold.card IS 'The card that it counts for';
COMMENT ON COLUMN holdfast.hold.status IS 'unplaced, open, captured, released or expired';
COMMENT ON COLUMN holdfast.hold.posting IS 'How approved amounts leave the account: hold or immediate';
COMMENT ON COLUMN holdfast.hold.authorized IS 'What is authorized in total, captures included, reversals taken off';
COMMENT ON COLUMN holdfast.hold.held IS 'What is held now';
COMMENT ON COLUMN holdfast.hold.ahead IS 'What was debited at the decision and waits for its completion';
COMMENT ON COLUMN holdfast.hold.captured IS 'What was captured';
COMMENT ON COLUMN holdfast.hold.refunded IS 'What of it came back by refunds';
COMMENT ON COLUMN holdfast.hold.moved IS 'What else moved, negative if it left the account; refunds included';
COMMENT ON COLUMN holdfast.hold.tolerance IS 'How much more than authorized may be captured without a word';
COMMENT ON COLUMN holdfast.hold.expiry IS 'Who ends it if nobody captures it: told (the platform) or ours';
COMMENT ON COLUMN holdfast.hold.expires_at IS 'When it is released if nobody says anything';
COMMENT ON COLUMN holdfast.hold.opened_at IS 'When the ledger first heard of it';
COMMENT ON COLUMN holdfast.hold.changed_at IS 'When it was last changed';
COMMENT ON COLUMN holdfast.hold.names IS 'Fingerprints of every name that leads to it';
COMMENT ON COLUMN holdfast.hold.life IS 'Its steps, and what it counted in limits, as the program writes them';

CREATE TABLE holdfast.hold_name (
    name uuid PRIMARY KEY,
    hold bigint NOT NULL
);
COMMENT ON TABLE holdfast.hold_name IS 'Which hold a payment''s name leads to';
COMMENT ON COLUMN holdfast.hold_name.name IS 'Fingerprint of program, platform and name';
COMMENT ON COLUMN holdfast.hold_name.hold IS 'The hold';

CREATE TABLE holdfast.asked (
    key uuid PRIMARY KEY,
    digest uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    amount bigint,
    currency text,
    reason text,
    at timestamptz NOT NULL,
    CHECK ((amount IS NULL) = (currency IS NULL) AND (amount IS NULL) <> (reason IS NULL))
);
COMMENT ON TABLE holdfast.asked IS 'What was answered to questions and orders: a retry hears the same, however late. Only ever added to and corrected';
COMMENT ON COLUMN holdfast.asked.key IS 'Fingerprint of program, platform and idempotency key';
COMMENT ON COLUMN holdfast.asked.digest IS 'What the same key must mean again';
COMMENT ON COLUMN holdfast.asked.asked_at IS 'When the callback arrived that was answered so';
COMMENT ON COLUMN holdfast.asked.amount IS 'What was approved; none for a decline';
COMMENT ON COLUMN holdfast.asked.currency IS 'ISO 4217 code of that';
COMMENT ON COLUMN holdfast.asked.reason IS 'Why it was declined; none for an approval';
COMMENT ON COLUMN holdfast.asked.at IS 'When the ledger applied it';

CREATE TABLE holdfast.told (
    key uuid PRIMARY KEY,
    at timestamptz NOT NULL
);
COMMENT ON TABLE holdfast.told IS 'Messages that were applied: each is applied once, however often and late it comes. Only ever added to';
COMMENT ON COLUMN holdfast.told.key IS 'Fingerprint of program, platform and the message''s key';
COMMENT ON COLUMN holdfast.told.at IS 'When the ledger applied it';

CREATE TABLE holdfast.counter (
    counter bigint,
    scope text CHECK (scope IN ('card', 'account', 'program')),
    subject bigint,
    kind text NOT NULL CHECK (kind IN ('since', 'rolling', 'lifetime')),
    slots bigint[] NOT NULL,
    amounts bigint[] NOT NULL,
    counts bigint[] NOT NULL,
    PRIMARY KEY (counter, scope, subject)
) WITH (fillfactor = 50);
COMMENT ON TABLE holdfast.counter IS 'What limits have counted';
COMMENT ON COLUMN holdfast.counter.counter IS 'Names the limit: made of program, limit, scope and kind of window';
COMMENT ON COLUMN holdfast.counter.scope IS 'Whose transactions it counts: card, account or program';
COMMENT ON COLUMN holdfast.counter.subject IS 'The number of the card or account; 0 for a program';
COMMENT ON COLUMN holdfast.counter.kind IS 'since (a calendar window), rolling or lifetime';
COMMENT ON COLUMN holdfast.counter.slots IS 'The window''s beginning in microseconds since 1970, or the numbers of its buckets, or 0 for a lifetime';
COMMENT ON COLUMN holdfast.counter.amounts IS 'Minor units, slot by slot';
COMMENT ON COLUMN holdfast.counter.counts IS 'Transactions, slot by slot';

CREATE TABLE holdfast.record (
    at timestamptz NOT NULL,
    id bigint NOT NULL,
    program text,
    platform text,
    kind text NOT NULL,
    key text,
    account bigint,
    account_change bigint NOT NULL DEFAULT 0,
    card bigint,
    hold bigint,
    decision text,
    reason text,
    posted bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0,
    cause text,
    finding text,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    body bytea NOT NULL,
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE INDEX record_by_account ON holdfast.record (account, at);
CREATE INDEX record_by_transaction ON holdfast.record (transaction);
CREATE TABLE holdfast.record_other PARTITION OF holdfast.record DEFAULT;
COMMENT ON TABLE holdfast.record IS 'The journal: one row a decision, event or entry, in partitions by time. Only ever added to';
COMMENT ON TABLE holdfast.record_other IS 'Records of months that have no partition of their own';
COMMENT ON COLUMN holdfast.record.at IS 'When the ledger applied it';
COMMENT ON COLUMN holdfast.record.id IS 'Made by the responder that wrote it';
COMMENT ON COLUMN holdfast.record.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.record.platform IS 'Who asked or told; none for operators and the program itself';
COMMENT ON COLUMN holdfast.record.kind IS 'decided, adopted, told, ordered, kept, account_entered, card_entered, rules_published or opened';
COMMENT ON COLUMN holdfast.record.key IS 'The idempotency key of the question, order or message';
COMMENT ON COLUMN holdfast.record.account IS 'The account that it is about';
COMMENT ON COLUMN holdfast.record.account_change IS 'The last change of that account up to it: puts the account''s records in their order';
COMMENT ON COLUMN holdfast.record.card IS 'The card that it is about';
COMMENT ON COLUMN holdfast.record.hold IS 'The hold that it is about';
COMMENT ON COLUMN holdfast.record.decision IS 'approve or decline, where something was asked';
COMMENT ON COLUMN holdfast.record.reason IS 'Why it was declined';
COMMENT ON COLUMN holdfast.record.posted IS 'What was added to what is posted';
COMMENT ON COLUMN holdfast.record.held IS 'What was added to what is held';
COMMENT ON COLUMN holdfast.record.cause IS 'What posted is balanced against';
COMMENT ON COLUMN holdfast.record.finding IS 'What somebody should know about it';
COMMENT ON COLUMN holdfast.record.transaction IS 'The transaction that wrote it: whoever chains records takes those of finished ones';
COMMENT ON COLUMN holdfast.record.body IS 'The record as every engine writes it: a journal group of one';

CREATE VIEW holdfast.movement AS
SELECT r.at, r.id AS record, r.program, a.name AS account, r.hold, r.posted, r.held, a.currency, r.cause, r.finding
FROM holdfast.record r JOIN holdfast.account a ON a.number = r.account
WHERE r.posted <> 0 OR r.held <> 0;
COMMENT ON VIEW holdfast.movement IS 'What changed accounts'' money: one row a record';

CREATE TABLE holdfast.ruleset (
    number bigint PRIMARY KEY,
    hash bytea NOT NULL,
    program text NOT NULL,
    source text NOT NULL,
    published_at timestamptz NOT NULL,
    published_by text NOT NULL,
    why text NOT NULL,
    kind text NOT NULL
);
CREATE INDEX ruleset_by_program ON holdfast.ruleset (program, number);
COMMENT ON TABLE holdfast.ruleset IS 'Every publication of a ruleset; only ever added to';
COMMENT ON COLUMN holdfast.ruleset.number IS 'Puts them in their order';
COMMENT ON COLUMN holdfast.ruleset.hash IS 'SHA-256 of the source';
COMMENT ON COLUMN holdfast.ruleset.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.ruleset.source IS 'The file''s text';
COMMENT ON COLUMN holdfast.ruleset.kind IS 'rules, or stand_in tables of a program or of one platform';
COMMENT ON COLUMN holdfast.ruleset.published_at IS 'When';
COMMENT ON COLUMN holdfast.ruleset.published_by IS 'By whom, as they said';
COMMENT ON COLUMN holdfast.ruleset.why IS 'Why, as they said';

CREATE TABLE holdfast.operation (
    id uuid PRIMARY KEY,
    program text NOT NULL,
    key text NOT NULL,
    request bytea NOT NULL,
    who text NOT NULL,
    why text NOT NULL,
    at timestamptz NOT NULL
);
COMMENT ON TABLE holdfast.operation IS 'What operators did; records name it by its id';
COMMENT ON COLUMN holdfast.operation.id IS 'Made of program and key';
COMMENT ON COLUMN holdfast.operation.program IS 'Whose data it is about';
COMMENT ON COLUMN holdfast.operation.key IS 'The caller''s idempotency key';
COMMENT ON COLUMN holdfast.operation.request IS 'SHA-256 of what was asked';
COMMENT ON COLUMN holdfast.operation.who IS 'By whom';
COMMENT ON COLUMN holdfast.operation.why IS 'Why, as they said';
COMMENT ON COLUMN holdfast.operation.at IS 'When';

CREATE TABLE holdfast.node (
    number smallint PRIMARY KEY CHECK (number BETWEEN 0 AND 1023),
    name text NOT NULL,
    process uuid NOT NULL,
    seen_at timestamptz NOT NULL
);
COMMENT ON TABLE holdfast.node IS 'Responders, by the number that is part of the numbers that they make';
COMMENT ON COLUMN holdfast.node.number IS 'Free for another one when it was not seen for a minute';
COMMENT ON COLUMN holdfast.node.name IS 'The machine''s name';
COMMENT ON COLUMN holdfast.node.process IS 'Which process it is; made anew at every start';
COMMENT ON COLUMN holdfast.node.seen_at IS 'When it last said that it runs';

CREATE TABLE holdfast.lease (
    what text PRIMARY KEY,
    process uuid,
    until timestamptz
);
COMMENT ON TABLE holdfast.lease IS 'Work that one responder does for all';
COMMENT ON COLUMN holdfast.lease.what IS 'upkeep: releasing holds whose time has come';
COMMENT ON COLUMN holdfast.lease.process IS 'Who does it now';
COMMENT ON COLUMN holdfast.lease.until IS 'Until when nobody else does';
INSERT INTO holdfast.lease (what) VALUES ('upkeep');
