-- Two roles without a login, to be granted to those that log in. They may be there already, made by an administrator or for
-- another database of the same server.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['holdfast_responder', 'holdfast_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                -- Another database of the server was brought here at the same moment.
                NULL;
            END;
        END IF;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA holdfast TO holdfast_responder, holdfast_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA holdfast TO holdfast_reader;
REVOKE SELECT ON holdfast.setting FROM holdfast_reader;

GRANT SELECT ON ALL TABLES IN SCHEMA holdfast TO holdfast_responder;
GRANT INSERT ON holdfast.account, holdfast.cardholder, holdfast.card, holdfast.ownership, holdfast.hold, holdfast.hold_name,
    holdfast.asked, holdfast.told, holdfast.counter, holdfast.record, holdfast.ruleset, holdfast.operation, holdfast.node
    TO holdfast_responder;
GRANT UPDATE ON holdfast.account, holdfast.cardholder, holdfast.card, holdfast.ownership, holdfast.hold, holdfast.hold_name,
    holdfast.asked, holdfast.counter, holdfast.numbering, holdfast.node, holdfast.lease
    TO holdfast_responder;
GRANT DELETE ON holdfast.node TO holdfast_responder;
