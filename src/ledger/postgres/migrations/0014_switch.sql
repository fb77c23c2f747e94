-- Stand-in that was switched on by hand, for all responders.

CREATE TABLE holdfast.switch (
    id text PRIMARY KEY,
    program text NOT NULL,
    platform text,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    off_at timestamptz,
    off_by text,
    off_why text
);
COMMENT ON TABLE holdfast.switch IS 'Stand-in that was switched on by hand, one row each time; every responder follows it';
COMMENT ON COLUMN holdfast.switch.id IS 'What responders call it';
COMMENT ON COLUMN holdfast.switch.program IS 'Whose questions are answered without the ledger';
COMMENT ON COLUMN holdfast.switch.platform IS 'Of which platform only; none for all of the program''s';
COMMENT ON COLUMN holdfast.switch.since IS 'Since when';
COMMENT ON COLUMN holdfast.switch.until IS 'When it ends by itself';
COMMENT ON COLUMN holdfast.switch.by IS 'Who switched it on';
COMMENT ON COLUMN holdfast.switch.why IS 'Why';
COMMENT ON COLUMN holdfast.switch.off_at IS 'When somebody ended it before';
COMMENT ON COLUMN holdfast.switch.off_by IS 'Who that was';
COMMENT ON COLUMN holdfast.switch.off_why IS 'Why';
REVOKE ALL ON holdfast.switch FROM holdfast_reader;
GRANT SELECT, INSERT, UPDATE ON holdfast.switch TO holdfast_responder;
