-- What callers of payment doors wrote, to be given back: kept in the transaction that decides. Records have its digest only, so that
-- a text can be erased.

CREATE TABLE holdfast.slip (
    number bigint PRIMARY KEY,
    program text NOT NULL,
    platform text NOT NULL,
    payment text NOT NULL,
    kind smallint NOT NULL,
    merchant text NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL,
    form smallint NOT NULL,
    body bytea,
    UNIQUE (program, platform, payment)
);
CREATE INDEX slip_by_number ON holdfast.slip (program, platform, kind, number);
COMMENT ON TABLE holdfast.slip IS 'What callers of payment doors wrote about a payment, to be given back';
COMMENT ON COLUMN holdfast.slip.number IS 'Lists go by it, the newest first';
COMMENT ON COLUMN holdfast.slip.program IS 'Whose payment it is';
COMMENT ON COLUMN holdfast.slip.platform IS 'At which door it was asked for';
COMMENT ON COLUMN holdfast.slip.payment IS 'Its name there';
COMMENT ON COLUMN holdfast.slip.kind IS 'The door''s own kind of it';
COMMENT ON COLUMN holdfast.slip.merchant IS 'Who is paid';
COMMENT ON COLUMN holdfast.slip.source IS 'The instrument: a card''s token';
COMMENT ON COLUMN holdfast.slip.at IS 'When it was asked for';
COMMENT ON COLUMN holdfast.slip.form IS '0: the body is JSON; 1: it is sealed with the responders'' key';
COMMENT ON COLUMN holdfast.slip.body IS 'What was written; null once it was erased';

GRANT SELECT, INSERT, UPDATE ON holdfast.slip TO holdfast_responder;
GRANT SELECT ON holdfast.slip TO holdfast_reader;
