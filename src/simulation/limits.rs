//! The limits of a simulated world: one of each scope and kind of window, and one that only observes.

use holdfast_core::Timestamp;
use holdfast_core::rules::{CounterKey, Enforcement, LimitScope, Window};

/// A limit that every program of a world has.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub scope: LimitScope,
    pub span: Span,
    pub amount_max: Option<i64>,
    pub count_max: Option<u32>,
    pub enforcement: Enforcement,
}

/// The time that a limit counts together.
#[derive(Debug, Clone, Copy)]
pub enum Span {
    Day,
    Hours(u8),
    Ever,
}

/// The limits of every program.
pub const LIMITS: [Limit; 4] = [
    Limit {
        scope: LimitScope::Card,
        span: Span::Day,
        amount_max: Some(120_000),
        count_max: Some(24),
        enforcement: Enforcement::Enforce,
    },
    Limit {
        scope: LimitScope::Account,
        span: Span::Hours(24),
        amount_max: Some(400_000),
        count_max: None,
        enforcement: Enforcement::Enforce,
    },
    Limit {
        scope: LimitScope::Program,
        span: Span::Ever,
        amount_max: Some(20_000_000),
        count_max: Some(25),
        enforcement: Enforcement::Enforce,
    },
    Limit {
        scope: LimitScope::Card,
        span: Span::Ever,
        amount_max: Some(1),
        count_max: Some(1),
        enforcement: Enforcement::Observe,
    },
];

impl Limit {
    /// The window that is open at a time.
    pub fn window(&self, at: Timestamp) -> Window {
        match self.span {
            Span::Day => Window::Since(Timestamp::from_unix_seconds(at.unix_seconds().div_euclid(86_400) * 86_400)),
            Span::Hours(buckets) => Window::Rolling { bucket: at.unix_seconds().div_euclid(3600), buckets },
            Span::Ever => Window::Lifetime,
        }
    }
}

/// What a limit of a program counts under.
pub fn counter(program: usize, limit: usize) -> CounterKey {
    let number = program * LIMITS.len() + limit;
    CounterKey(u64::try_from(number).unwrap_or(u64::MAX))
}

/// The oldest bucket that counts at a time, in any rolling window.
pub fn oldest_bucket(at: Timestamp) -> i64 {
    let oldest = |limit: &Limit| match limit.window(at) {
        Window::Rolling { bucket, buckets } => Some(bucket - i64::from(buckets) + 1),
        Window::Since(_) | Window::Lifetime => None,
    };
    LIMITS.iter().filter_map(oldest).min().unwrap_or(i64::MIN)
}
