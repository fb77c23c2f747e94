//! End to end: the real server, real sockets, port 0. One binary, because linking is what costs.
//!
//! [`support`] starts servers and speaks HTTP; the other modules are named for what they prove. Not here: what a table can
//! prove beside the code.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    clippy::float_arithmetic,
    clippy::wildcard_enum_match_arm,
    reason = "tests may fail loudly"
)]

mod agents;
mod answers;
mod bad_input;
mod card_numbers;
mod checks_kept;
mod erased;
mod faults;
mod freezes;
mod gateway;
mod gateway_authenticated;
mod gateway_orders;
mod isolation;
mod journal;
mod lifecycle;
mod limits;
mod management;
mod money;
mod no_route;
mod notifications;
mod order_keys;
mod outages;
mod own_acts;
mod payments;
mod payments_away;
mod payments_once;
mod payments_shown;
mod profiles;
mod readme;
mod readme_shared;
mod retention;
mod retries;
mod shared;
mod spend;
mod spend_bound;
mod spend_eligible;
mod spend_foreign;
mod spend_found;
mod spend_intents;
mod spend_kept;
mod spend_names;
mod spend_once;
mod spend_payment;
mod spend_people;
mod spend_reserved;
mod spend_shared;
mod spend_told;
mod spend_ways;
mod stand_in;
mod stories;
mod support;
mod switch;
mod telemetry;
mod walk_authorizations;
mod walk_payment_auth;
mod webhooks;
mod webhooks_signed;
mod webhooks_wanted;
