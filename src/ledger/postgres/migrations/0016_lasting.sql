-- What is kept of a slip when its body is erased: amounts, and what was known of merchant and instrument.

ALTER TABLE holdfast.slip ADD COLUMN lasting text;
COMMENT ON COLUMN holdfast.slip.lasting IS 'JSON: what of it is no person''s, and stays when the body is erased; null of what an older version wrote';
