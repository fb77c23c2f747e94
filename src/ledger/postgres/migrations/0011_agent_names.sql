-- Merchants' names in policies of agents are texts, sealed and erasable; responders take out of bodies what older ones wrote.

ALTER TABLE holdfast.agent_seal ADD COLUMN names_are_texts boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN holdfast.agent_seal.names_are_texts IS 'Whether no body of a policy has a merchant''s name in it any more';

GRANT UPDATE (names_are_texts) ON holdfast.agent_seal TO holdfast_responder;
GRANT UPDATE (before, after) ON holdfast.agent_deed TO holdfast_responder;
