-- Whom cards paid, for stand-in, to which a merchant is known to a card or new to it.

ALTER TABLE holdfast.card ADD COLUMN merchants bigint[] NOT NULL DEFAULT '{}';
ALTER TABLE holdfast.card ADD COLUMN merchants_others boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN holdfast.card.merchants IS 'The merchants that it paid last, the latest first, eight at most: numbers that they come to under the ledger''s key';
COMMENT ON COLUMN holdfast.card.merchants_others IS 'Whether it paid others, which are kept no more, or whom nobody named';

