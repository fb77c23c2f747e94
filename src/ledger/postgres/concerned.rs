//! Which rows some acts concern, in SQL: what is locked before it is read. Nothing here runs.

/// What of an account an act needs.
pub const ACCOUNT_COLUMNS: &str =
    "number, program, name, currency, status, posted, held, credit_line, holds_open, changes, told_at, told_by";

/// Which accounts: by name, by card, by what their owners have, by payment, by hold, by number.
pub const ACCOUNTS_CONCERNED: &str = "
    SELECT number FROM holdfast.account WHERE program = $1 AND name = ANY($2)
    UNION SELECT account FROM holdfast.card WHERE program = $1 AND token = ANY($3)
    UNION SELECT o.account FROM holdfast.card c JOIN holdfast.ownership o ON o.cardholder = c.cardholder
        WHERE c.program = $1 AND c.token = ANY($3) AND (c.account IS NULL OR $4)
    UNION SELECT o.account FROM holdfast.cardholder p JOIN holdfast.ownership o ON o.cardholder = p.number
        WHERE p.program = $1 AND p.token = ANY($5)
    UNION SELECT h.account FROM holdfast.hold_name n JOIN holdfast.hold h ON h.number = n.hold WHERE n.name = ANY($6)
    UNION SELECT account FROM holdfast.hold WHERE number = ANY($7)
    UNION SELECT unnest($8::bigint[])";

/// Which cards: those that are named, and those of payments that are.
pub const CARDS_CONCERNED: &str = "
    SELECT number FROM holdfast.card WHERE program = $1 AND token = ANY($2)
    UNION SELECT h.card FROM holdfast.hold_name n JOIN holdfast.hold h ON h.number = n.hold WHERE n.name = ANY($3)
    UNION SELECT card FROM holdfast.hold WHERE number = ANY($4)";
