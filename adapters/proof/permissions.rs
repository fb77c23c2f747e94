//! What a credential of a payment door may do: its callers may do no more, whoever they are.

use holdfast_core::words;
use serde::{Deserialize, Serialize};

words! {
    /// One thing that a credential may do at a payment door.
    Permission {
        /// Ask for payments, and tell that a payer was authenticated.
        Authorize = "authorize",
        /// Take money: captures, and payments that are captured at once.
        Capture = "capture",
        /// Void payments.
        Void = "void",
        /// Give money back.
        Refund = "refund",
        /// Look at payments and lists of them.
        Read = "read",
        /// Have payments checked against the rules.
        Check = "check",
    }
}

/// What a credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    /// Everything.
    pub const ALL: Permissions = Permissions(u8::MAX);
    /// Nothing.
    pub const NONE: Permissions = Permissions(0);

    /// The same, and this.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Permissions(self.0 | bit(permission))
    }

    /// Whether this is among them.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// As bits.
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    /// From bits.
    pub(super) const fn of_bits(bits: u8) -> Self {
        Permissions(bits)
    }
}

const fn bit(permission: Permission) -> u8 {
    match permission {
        Permission::Authorize => 1,
        Permission::Capture => 2,
        Permission::Void => 4,
        Permission::Refund => 8,
        Permission::Read => 16,
        Permission::Check => 32,
    }
}
