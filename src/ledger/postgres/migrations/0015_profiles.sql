-- Merchants and instruments of payment doors, for all responders.

CREATE TABLE holdfast.profile_numbering (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    last bigint NOT NULL
);
COMMENT ON TABLE holdfast.profile_numbering IS 'One row: whoever writes a profile takes its place here first, and so waits for others to be done';
COMMENT ON COLUMN holdfast.profile_numbering.one IS 'There is one row';
COMMENT ON COLUMN holdfast.profile_numbering.last IS 'The last place that was taken';
INSERT INTO holdfast.profile_numbering (last) VALUES (0);

CREATE TABLE holdfast.profile (
    program text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    place bigint NOT NULL UNIQUE,
    form smallint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (program, kind, name)
);
COMMENT ON TABLE holdfast.profile IS 'Merchants and instruments of payment doors, each as it is now; every responder has them in memory, and follows';
COMMENT ON COLUMN holdfast.profile.program IS 'Whose it is';
COMMENT ON COLUMN holdfast.profile.kind IS 'merchant or instrument';
COMMENT ON COLUMN holdfast.profile.name IS 'The merchant''s id, or the card''s token';
COMMENT ON COLUMN holdfast.profile.place IS 'Responders follow by it: when it was written last';
COMMENT ON COLUMN holdfast.profile.form IS '0: the body is JSON; 1: it is sealed with the responders'' texts.key';
COMMENT ON COLUMN holdfast.profile.body IS 'The rest of it';
REVOKE ALL ON holdfast.profile, holdfast.profile_numbering FROM holdfast_reader;
GRANT SELECT, INSERT, UPDATE ON holdfast.profile TO holdfast_responder;
GRANT SELECT, UPDATE ON holdfast.profile_numbering TO holdfast_responder;

COMMENT ON COLUMN holdfast.record.kind IS 'decided, adopted, told, ordered, kept, account_entered, card_entered, rules_published, opened, trimmed or joined';
