-- What software agents may spend, and who may ask: every responder has it in memory, and hears of each change.

CREATE TABLE holdfast.agent_numbering (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    last bigint NOT NULL
);
COMMENT ON TABLE holdfast.agent_numbering IS 'One row: whoever writes anything of agents takes numbers here first, and so waits for others to be done';
COMMENT ON COLUMN holdfast.agent_numbering.one IS 'There is one row';
COMMENT ON COLUMN holdfast.agent_numbering.last IS 'The last number that was taken';
INSERT INTO holdfast.agent_numbering (last) VALUES (0);

CREATE TABLE holdfast.agent_object (
    kind smallint NOT NULL,
    id text NOT NULL,
    organization text NOT NULL,
    environment smallint NOT NULL,
    parent text NOT NULL,
    status text NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    body text NOT NULL,
    number bigint NOT NULL UNIQUE,
    changed bigint NOT NULL UNIQUE,
    PRIMARY KEY (kind, id)
);
CREATE INDEX agent_object_of_organization ON holdfast.agent_object (kind, organization, environment, number);
CREATE INDEX agent_object_of_kind ON holdfast.agent_object (kind, number);
CREATE INDEX agent_object_of_parent ON holdfast.agent_object (kind, parent, number) WHERE parent <> '';
COMMENT ON TABLE holdfast.agent_object IS 'Objects of agent spend, each as it is now';
COMMENT ON COLUMN holdfast.agent_object.kind IS '1 organization, 2 member, 3 credential, 4 grant, 5 agent, 6 spending authority, 7 policy, 8 policy version, 9 binding, 10 intent';
COMMENT ON COLUMN holdfast.agent_object.id IS 'Its name, unique in its kind';
COMMENT ON COLUMN holdfast.agent_object.organization IS 'Whose it is';
COMMENT ON COLUMN holdfast.agent_object.environment IS '0 sandbox, 1 production, -1 the organization as a whole';
COMMENT ON COLUMN holdfast.agent_object.parent IS 'What it belongs to; empty for nothing';
COMMENT ON COLUMN holdfast.agent_object.status IS 'In one word';
COMMENT ON COLUMN holdfast.agent_object.version IS 'How often it was written';
COMMENT ON COLUMN holdfast.agent_object.created_at IS 'When it was written first';
COMMENT ON COLUMN holdfast.agent_object.updated_at IS 'When it was written last';
COMMENT ON COLUMN holdfast.agent_object.body IS 'The rest of it, in JSON; names texts, has none';
COMMENT ON COLUMN holdfast.agent_object.number IS 'Its place in lists: when it was written first';
COMMENT ON COLUMN holdfast.agent_object.changed IS 'Responders follow by it: when it was written last';

CREATE TABLE holdfast.agent_claim (
    name text PRIMARY KEY,
    kind smallint NOT NULL,
    id text NOT NULL
);
COMMENT ON TABLE holdfast.agent_claim IS 'What one object of agent spend holds, and no other may';
COMMENT ON COLUMN holdfast.agent_claim.name IS 'What is held, such as the instrument of a binding';
COMMENT ON COLUMN holdfast.agent_claim.kind IS 'The kind of what holds it';
COMMENT ON COLUMN holdfast.agent_claim.id IS 'The name of what holds it';

CREATE TABLE holdfast.agent_text (
    id text PRIMARY KEY,
    organization text NOT NULL,
    program text NOT NULL,
    person text NOT NULL,
    at timestamptz NOT NULL,
    sealed bytea NOT NULL
);
CREATE INDEX agent_text_of_organization ON holdfast.agent_text (organization);
CREATE INDEX agent_text_of_program ON holdfast.agent_text (program) WHERE program <> '';
CREATE INDEX agent_text_of_person ON holdfast.agent_text (person) WHERE person <> '';
CREATE INDEX agent_text_at ON holdfast.agent_text (at);
COMMENT ON TABLE holdfast.agent_text IS 'Names, addresses and free text of agent spend, sealed; rows go when they are erased';
COMMENT ON COLUMN holdfast.agent_text.id IS 'Its name, which an object has in the text''s place';
COMMENT ON COLUMN holdfast.agent_text.organization IS 'Whose it is';
COMMENT ON COLUMN holdfast.agent_text.program IS 'The program that decides where it lives; empty for what an organization has as a whole';
COMMENT ON COLUMN holdfast.agent_text.person IS 'Whom it is about, by a name of ours; empty for nobody';
COMMENT ON COLUMN holdfast.agent_text.at IS 'When it came';
COMMENT ON COLUMN holdfast.agent_text.sealed IS 'The text, sealed with the responders'' key';

CREATE TABLE holdfast.agent_once (
    space text NOT NULL,
    key text NOT NULL,
    request bytea NOT NULL,
    kind smallint NOT NULL,
    id text NOT NULL,
    PRIMARY KEY (space, key)
);
COMMENT ON TABLE holdfast.agent_once IS 'What was done under an idempotency key';
COMMENT ON COLUMN holdfast.agent_once.space IS 'Whose key: an organization in an environment';
COMMENT ON COLUMN holdfast.agent_once.key IS 'The key';
COMMENT ON COLUMN holdfast.agent_once.request IS 'A digest of the request';
COMMENT ON COLUMN holdfast.agent_once.kind IS 'The kind of the object that it was about';
COMMENT ON COLUMN holdfast.agent_once.id IS 'The name of the object that it was about';

CREATE TABLE holdfast.agent_deed (
    number bigint PRIMARY KEY,
    organization text NOT NULL,
    environment smallint NOT NULL,
    at timestamptz NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    kind smallint NOT NULL,
    id text NOT NULL,
    before text,
    after text
);
CREATE INDEX agent_deed_of_organization ON holdfast.agent_deed (organization, number);
CREATE INDEX agent_deed_of_object ON holdfast.agent_deed (id, number);
COMMENT ON TABLE holdfast.agent_deed IS 'Who did what about agent spend, with the object before and after';
COMMENT ON COLUMN holdfast.agent_deed.number IS 'Lists go by it, the newest first';
COMMENT ON COLUMN holdfast.agent_deed.organization IS 'In whose records it is';
COMMENT ON COLUMN holdfast.agent_deed.environment IS '0 sandbox, 1 production, -1 the organization as a whole';
COMMENT ON COLUMN holdfast.agent_deed.at IS 'When';
COMMENT ON COLUMN holdfast.agent_deed.who IS 'A credential, a member, or an operator';
COMMENT ON COLUMN holdfast.agent_deed.action IS 'What was done, such as binding.created';
COMMENT ON COLUMN holdfast.agent_deed.kind IS 'To what kind of object';
COMMENT ON COLUMN holdfast.agent_deed.id IS 'To which object';
COMMENT ON COLUMN holdfast.agent_deed.before IS 'The body before, in JSON';
COMMENT ON COLUMN holdfast.agent_deed.after IS 'The body after, in JSON';

CREATE TABLE holdfast.agent_use (
    id text PRIMARY KEY,
    at timestamptz NOT NULL
);
COMMENT ON TABLE holdfast.agent_use IS 'When credentials were used last';
COMMENT ON COLUMN holdfast.agent_use.id IS 'The credential';
COMMENT ON COLUMN holdfast.agent_use.at IS 'When; up to a minute late';

CREATE TABLE holdfast.agent_seal (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    sealed bytea NOT NULL
);
COMMENT ON TABLE holdfast.agent_seal IS 'One row: what the key that seals is known by';
COMMENT ON COLUMN holdfast.agent_seal.one IS 'There is one row';
COMMENT ON COLUMN holdfast.agent_seal.sealed IS 'Something that the key sealed';

GRANT SELECT ON holdfast.agent_numbering, holdfast.agent_object, holdfast.agent_claim, holdfast.agent_text, holdfast.agent_once,
    holdfast.agent_deed, holdfast.agent_use, holdfast.agent_seal TO holdfast_responder;
GRANT INSERT ON holdfast.agent_object, holdfast.agent_claim, holdfast.agent_text, holdfast.agent_once, holdfast.agent_deed,
    holdfast.agent_use, holdfast.agent_seal TO holdfast_responder;
GRANT UPDATE ON holdfast.agent_numbering, holdfast.agent_object, holdfast.agent_claim, holdfast.agent_use TO holdfast_responder;
GRANT DELETE ON holdfast.agent_claim, holdfast.agent_text TO holdfast_responder;
