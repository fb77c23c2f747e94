-- Whoever is not verified yet is not suspended: of one second, that they were verified counts.
ALTER TABLE holdfast.cardholder DROP CONSTRAINT cardholder_status_check;
ALTER TABLE holdfast.cardholder ADD CONSTRAINT cardholder_status_check
    CHECK (status IN ('active', 'suspended', 'closed', 'unverified'));
COMMENT ON COLUMN holdfast.cardholder.status IS 'active, unverified, suspended or closed; none where nobody told';
