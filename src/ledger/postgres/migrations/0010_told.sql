-- What messages said that became no payment's step, so that one of the same name that says something else is noticed.

ALTER TABLE holdfast.told ADD COLUMN content bigint;
COMMENT ON COLUMN holdfast.told.content IS 'A digest of what it said; none of messages from before this column was there';
