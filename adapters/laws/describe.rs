//! What a callback turned out to be, in lines that a person can compare with the callback above them.
//!
//! The first line names the variant; below it one `name: value` a line; what is absent, or says nothing, is left out.

use std::fmt::{Display, Write as _};

use holdfast_core::hold::{Fact, Finality, MovementCause, RecordedOutcome, ReleaseCause, ToldEvent};
use holdfast_core::{
    Alias, AuthorizationRequest, Checkout, CrossBorder, Expiry, Padding, PartialApproval, PaymentRef, Posting, ThreeDSecure,
    Timestamp, Wallet,
};

use crate::answer::Echo;
use crate::inbound::{Inbound, Malformed, Notice};
use crate::payment::PaymentTurn;
use crate::proof::hex;

/// Describes what [`decode`](crate::Adapter::decode) gave.
pub(super) fn describe(inbound: &Result<Inbound<'_>, Malformed>) -> String {
    let mut lines = Lines { text: String::new(), indent: "  " };
    match inbound {
        Err(Malformed { path, problem, .. }) => {
            let path = if path.is_empty() { "(body)" } else { path };
            lines.text = format!("malformed {path} {problem}");
        }
        Ok(Inbound::Authorization(call)) => {
            lines.head("authorization");
            lines.request(&call.request);
            lines.option("sent_at", call.sent_at);
            lines.echo(&call.echo);
        }
        Ok(Inbound::Balance(call)) => {
            lines.head("balance");
            lines.option("card", call.card);
            lines.option("cardholder", call.cardholder);
            lines.echo(&call.echo);
        }
        Ok(Inbound::Notification { notices, echo }) => {
            lines.head("notification");
            lines.echo(echo);
            for notice in notices {
                lines.notice(notice);
            }
        }
        Ok(Inbound::Handshake { echo }) => {
            lines.head("handshake");
            lines.echo(echo);
        }
        Ok(Inbound::Payment(payment)) => {
            lines.head("payment");
            lines.request(&payment.call.request);
            lines.line("kind of payment", payment.slip.kind);
            lines.line("named by", if payment.unnamed.is_some() { "nobody" } else { "its caller" });
            lines.option("surcharge", payment.surcharge.map(|(surcharge, _)| surcharge));
            if payment.turn != PaymentTurn::AtOnce {
                lines.line("turn", format!("{:?}", payment.turn));
            }
            lines.line("slip", &payment.slip.text);
            lines.echo(&payment.call.echo);
        }
        Ok(Inbound::Authenticated(authenticated)) => {
            lines.head("authenticated");
            lines.line("payment", authenticated.payment);
            lines.line("outcome", authenticated.authentication.outcome.name());
            lines.line("transaction", &authenticated.authentication.transaction);
            lines.echo(&authenticated.echo);
        }
        Ok(Inbound::Order(order)) => {
            lines.head("order");
            lines.line("payment", order.payment);
            lines.line("key", order.key);
            lines.line("order", format!("{:?}", order.order));
            lines.echo(&order.echo);
        }
        Ok(Inbound::Look(look)) => {
            lines.head("look");
            lines.line("payment", look.payment);
            lines.echo(&look.echo);
        }
        Ok(Inbound::List(list)) => {
            lines.head("list");
            lines.line("wanted", format!("{:?}", list.wanted));
            lines.echo(&list.echo);
        }
        Ok(Inbound::Check(check)) => {
            lines.head("check");
            lines.request(&check.request);
            lines.line("slip", &check.text);
            lines.echo(&check.echo);
        }
        Ok(Inbound::Fetch(fetch)) => {
            lines.head("fetch");
            lines.line("path", &fetch.path);
        }
    }
    lines.text
}

struct Lines {
    text: String,
    indent: &'static str,
}

impl Lines {
    fn head(&mut self, variant: &str) {
        self.text.push_str(variant);
    }

    fn line(&mut self, name: &str, value: impl Display) {
        write!(self.text, "\n{}{name}: {value}", self.indent).unwrap();
    }

    fn option(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.line(name, value);
        }
    }

    fn echo(&mut self, echo: &Echo<'_>) {
        self.line("echo", format!("dialect {}", echo.dialect));
        for (name, raw) in &echo.fields {
            self.line("echo", format!("{name} = {raw}"));
        }
    }

    fn request(&mut self, request: &AuthorizationRequest) {
        self.line("key", request.key);
        self.line("payment", payment(&request.payment));
        self.option("increments", request.increments.as_ref().map(payment));
        self.line("kind", request.kind.name());
        self.line("posting", posting(request.posting));
        self.option("card", request.card);
        self.option("cardholder", request.cardholder);
        self.line("amount", request.amount);
        self.option("original", request.original);
        self.option(
            "padding",
            match request.padding {
                Padding::None => None,
                Padding::ByPlatform => Some("by the platform"),
            },
        );
        self.option(
            "expiry",
            match request.expiry {
                Expiry::Told => None,
                Expiry::Ours => Some("ours"),
            },
        );
        self.option("merchant_id", request.merchant.id);
        self.option("merchant_name", request.merchant.name.map(|name| digest(&serde_json::to_vec(&name).unwrap())));
        self.option("mcc", request.merchant.mcc);
        self.option("country", request.merchant.country);
        self.line("entry_mode", request.entry_mode.name());
        self.option(
            "wallet",
            match request.wallet {
                Wallet::None => None,
                Wallet::Token => Some("token"),
            },
        );
        self.option(
            "cross_border",
            match request.cross_border {
                CrossBorder::No => Some("no"),
                CrossBorder::Yes => Some("yes"),
                CrossBorder::NotTold => None,
            },
        );
        self.option(
            "partial_approval",
            match request.partial_approval {
                PartialApproval::NotSupported => None,
                PartialApproval::Supported => Some("supported"),
            },
        );
        self.option("network", request.network);
        self.option("occurred_at", request.occurred_at);
        if let Some(checkout) = &request.checkout {
            self.checkout(checkout);
        }
    }

    /// What is told of an order, as far as anything is.
    fn checkout(&mut self, checkout: &Checkout) {
        let some = |minor: i64| Some(minor).filter(|minor| *minor != 0);
        self.option("surcharge_minor", some(checkout.surcharge));
        self.option("gratuity_minor", some(checkout.gratuity));
        self.option("fees_minor", some(checkout.fees));
        self.option("items", some(checkout.items.into()));
        let outcome = Some(checkout.three_d_secure).filter(|outcome| *outcome != ThreeDSecure::NotTold);
        self.option("three_d_secure", outcome.map(ThreeDSecure::name));
        self.option("ip_address", checkout.ip_address);
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Told(_) | Notice::OfOurs(_) => {
                let of_ours = matches!(notice, Notice::OfOurs(_));
                self.text.push_str(if of_ours { "\n  - told, of a payment of ours" } else { "\n  - told" });
                self.indent = "    ";
                for event in notice.events() {
                    self.told(event);
                }
            }
            Notice::Nothing => self.text.push_str("\n  - nothing"),
            Notice::Unrecognized(unrecognized) => {
                self.text.push_str("\n  - unrecognized");
                self.indent = "    ";
                self.line("problem", &unrecognized.problem);
                self.line("digest", hex(&unrecognized.digest));
                let redacted = Some(&unrecognized.redacted).filter(|redacted| !redacted.is_empty());
                self.option("redacted", redacted);
            }
        }
    }

    fn told(&mut self, event: &ToldEvent) {
        self.line("key", event.key);
        self.option("occurred_at", event.occurred_at);
        self.option("network", event.network);
        self.option("settlement_day", event.settlement_day.map(day));
        self.option("account", event.subject.account);
        self.option("card", event.subject.card);
        self.option("cardholder", event.subject.cardholder);
        self.line("fact", fact(&event.fact));
    }
}

/// The bytes of a digest that serializes as a list of numbers.
fn digest(json: &[u8]) -> String {
    hex(&serde_json::from_slice::<Vec<u8>>(json).unwrap())
}

fn day(days: i32) -> String {
    let midnight = Timestamp::from_unix_seconds(i64::from(days) * 86_400).to_string();
    midnight.split('T').next().unwrap_or_default().to_owned()
}

fn payment(payment: &PaymentRef) -> String {
    match payment.alias {
        Alias::Alone => format!("/{}", payment.authorization),
        Alias::Also(alias) => format!("{}/{alias}", payment.authorization),
        Alias::NotTold => payment.authorization.to_string(),
    }
}

const fn posting(posting: Posting) -> &'static str {
    match posting {
        Posting::Hold => "hold",
        Posting::Immediate => "immediate",
    }
}

fn outcome(outcome: &RecordedOutcome) -> String {
    match outcome {
        RecordedOutcome::Approved { amount } => format!("Approved amount={amount}"),
        RecordedOutcome::ApprovedByStandIn { amount, posting: how } => {
            format!("ApprovedByStandIn amount={amount} posting={}", posting(*how))
        }
        RecordedOutcome::Declined => "Declined".to_owned(),
    }
}

fn fact(fact: &Fact) -> String {
    let linked = |link: &Option<PaymentRef>| link.as_ref().map_or_else(String::new, |link| format!(" payment={}", payment(link)));
    match fact {
        Fact::Recorded { payment: of, asked, increments, outcome: how } => {
            let increments = increments.map_or_else(String::new, |of| format!(" increments={}", payment(&of)));
            format!("Recorded payment={} asked={asked}{increments} outcome={}", payment(of), outcome(how))
        }
        Fact::Reduced { payment: of, by, original } => {
            let original = original.map_or_else(String::new, |original| format!(" original={original}"));
            format!("Reduced payment={} by={by}{original}", payment(of))
        }
        Fact::Replaced { payment: of, total } => format!("Replaced payment={} total={total}", payment(of)),
        Fact::Released { payment: of, cause } => {
            let cause = match cause {
                ReleaseCause::Reversed => "Reversed",
                ReleaseCause::Expired => "Expired",
                ReleaseCause::Operator => "Operator",
                ReleaseCause::Declined => "Declined",
                ReleaseCause::SafetyTimer => "SafetyTimer",
            };
            format!("Released payment={} cause={cause}", payment(of))
        }
        Fact::Captured { payment: of, amount, finality } => {
            let finality = match finality {
                Finality::Final => "Final",
                Finality::More => "More",
            };
            format!("Captured{} amount={amount} finality={finality}", linked(of))
        }
        Fact::Completed { payment: of, amount } => format!("Completed payment={} amount={amount}", payment(of)),
        Fact::Credited { payment: of, amount, cause } => {
            format!("Credited{} amount={amount} cause={}", linked(of), movement(*cause))
        }
        Fact::Debited { payment: of, amount, cause } => {
            format!("Debited{} amount={amount} cause={}", linked(of), movement(*cause))
        }
        Fact::Card { card, status } => format!("Card card={card} status={}", status.name()),
        Fact::Cardholder { cardholder, status } => format!("Cardholder cardholder={cardholder} status={}", status.name()),
        Fact::Account { account, status } => format!("Account account={account} status={}", status.name()),
        Fact::SettlementAnnounced { total } => format!("SettlementAnnounced total={total}"),
    }
}

const fn movement(cause: MovementCause) -> &'static str {
    match cause {
        MovementCause::NetworkSettlement => "NetworkSettlement",
        MovementCause::Funding => "Funding",
        MovementCause::Fee => "Fee",
        MovementCause::Dispute => "Dispute",
        MovementCause::StandInLoss => "StandInLoss",
    }
}
