-- What the kinds of records are called, said in full.

COMMENT ON COLUMN holdfast.record.kind IS 'decided, adopted, told, ordered, joined, kept, account_entered, card_entered, rules_published, trimmed or opened';
