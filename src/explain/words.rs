//! A story as lines that a support agent can read out.

use holdfast_core::hold::{Account, Fact, HoldStatus, Outcome, ToldEvent};
use holdfast_core::rules::{Enforcement, LimitCheck, Proceed, RulesetHash, Verdict};
use holdfast_core::{AuthorizationRequest, Basis, Expiry, Money, Monitoring, RuleId, Timestamp};

use super::matched;
use super::phrases;
use super::recorded;
use super::story::{Moment, Story};
use crate::books::Standings;
use crate::journal::{Body, Uses};

/// What stands of a payment that moved nothing.
const NOTHING: &str = "Nothing is held or was posted for it.";

/// What stands of a payment of which only what was refused is left in the journal.
const TOLD_BEFORE: &str =
    "What is held or was posted for it was told by records that were dropped; its hold in `/v1/holds` has it.";

/// The whole story.
#[must_use]
pub fn of(story: &Story) -> String {
    let mut lines = Lines { story, text: String::new() };
    lines.head();
    story.moments.iter().for_each(|moment| lines.moment(moment));
    lines.now();
    lines.text
}

struct Lines<'a> {
    story: &'a Story,
    text: String,
}

impl Lines<'_> {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str("  ");
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn title(&mut self, title: &str) {
        self.text.push('\n');
        self.text.push_str(title);
        self.text.push('\n');
    }

    fn head(&mut self) {
        let payment = &self.story.payment;
        let id = self.story.moments.iter().find_map(|moment| id_of(&moment.record.body));
        let others = payment.names.iter().map(String::as_str).filter(|name| Some(*name) != id);
        let names: Vec<_> = id.into_iter().chain(others).collect();
        let whose = payment.program.map_or_else(String::new, |program| format!(", program {program}"));
        let platform = payment.platform.map_or_else(String::new, |platform| format!(", platform {platform}"));
        self.text.push_str(&format!("Payment {}{whose}{platform}\n", names.join(" / ")));
        if let Some(begins) = self.story.begins {
            self.line(format!("It is older than what is told here: {begins}."));
        }
    }

    fn moment(&mut self, moment: &Moment) {
        let at = |what: &str| format!("{}  record {}: {what}", moment.record.at, moment.number);
        match &moment.record.body {
            Body::Decided { received_at, request, verdict, uses, outcome } => {
                self.title(&at("the platform asked"));
                self.asked(moment, *received_at, request);
                self.governed(moment);
                self.rules(moment, Some(verdict), uses);
                self.ways(verdict, outcome);
                self.stood(&moment.before);
                self.decided(moment, outcome);
                self.held(request.expiry, outcome);
            }
            Body::Adopted { received_at, request, verdict, told, basis, outcome } => {
                self.title(&at("an answer that was told without the ledger was adopted"));
                self.asked(moment, *received_at, request);
                self.governed(moment);
                self.rules(moment, verdict.as_ref(), &Uses::new());
                // Of what was adopted nobody knows which other ways were open.
                outcome.way.iter().for_each(|way| self.line(format!("It took way {}.", way.number())));
                self.line(format!("{}, {}.", phrases::heard(told), phrases::basis(basis)));
                self.stood(&moment.before);
                self.held(request.expiry, outcome);
            }
            Body::Told { event, outcome } => self.told(moment, &at("told"), event, outcome),
            Body::Ordered { order, outcome, .. } => {
                self.title(&at("ordered"));
                self.line(format!("The program ordered {}.", phrases::order(order)));
                self.decided(moment, outcome);
            }
            Body::Joined { payment, other, .. } => {
                self.title(&at("two payments turned out to be one"));
                self.line(format!(
                    "What was told under {} belongs to payment {}: the next message says so. From here on it counts there.",
                    other.authorization, payment.authorization
                ));
            }
            Body::Reassigned { payment, increment, side, .. } => {
                self.title(&at("what was told of an increment belongs to another payment"));
                self.line(format!(
                    "Payment {}: what was told of increment {} {}.",
                    payment.authorization,
                    increment.authorization,
                    phrases::reassigned(*side)
                ));
            }
            // Not about a payment.
            Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. } => {}
        }
        if let Some(why) = recorded::differs(self.story, moment) {
            self.line(why);
        }
        self.operator(moment);
        self.effect(moment);
    }

    fn asked(&mut self, moment: &Moment, received_at: Timestamp, request: &AuthorizationRequest) {
        let platform = moment.record.platform.map_or_else(|| "Somebody".to_owned(), |platform| platform.to_string());
        self.line(format!("{platform} asked at {received_at}: {}.", phrases::question(request)));
        if let Some(checkout) = &request.checkout {
            self.line(format!("The door told besides: {}.", phrases::checkout(checkout, request.amount.currency())));
            match checkout.monitoring {
                Monitoring::Asked => {}
                Monitoring::Bypassed => {
                    self.line("Its caller may bypass the program's rules, and did: none of them was asked, its limits were.");
                }
                Monitoring::BypassRefused => {
                    self.line("Its caller wanted to bypass the program's rules, and may not: they were asked.");
                }
            }
        }
    }

    fn governed(&mut self, moment: &Moment) {
        if let Some(governed) = &moment.record.governed {
            self.line(format!("{}.", phrases::governed(governed)));
        }
    }

    fn rules(&mut self, moment: &Moment, verdict: Option<&Verdict>, uses: &Uses) {
        let version = match &moment.record.ruleset {
            Some(hash) => format!("The rules (version {:.12})", RulesetHash::from_bytes(*hash)),
            None => "The rules".to_owned(),
        };
        match verdict {
            None => self.line("The rules were not asked."),
            Some(Verdict::Decline { reason, rule }) => {
                self.line(format!(
                    "{version} said no: {}, by rule {}.",
                    reason.name().replace('_', " "),
                    self.described(moment, rule)
                ));
                self.besides(moment);
            }
            Some(Verdict::Proceed(proceed)) => {
                // What was not asked has no opinion.
                if !were_bypassed(&moment.record.body) {
                    self.line(format!("{version} had nothing against it, up to {}.", proceed.ceiling));
                }
                self.besides(moment);
                for (place, check) in proceed.limits.iter().enumerate() {
                    let used = uses.get(place).map(|used| limit(check, used, proceed.ceiling));
                    let used = used.unwrap_or_else(|| "what was used is not recorded".to_owned());
                    let on = check.ways.map_or_else(String::new, |ways| format!(" on {}", phrases::ways(ways)));
                    self.line(format!("Limit {}{on}: {used}.", self.described(moment, &check.limit)));
                }
            }
        }
    }

    /// Which of several ways were open, and which was taken.
    fn ways(&mut self, verdict: &Verdict, outcome: &Outcome) {
        let Verdict::Proceed(Proceed { ways: Some(open), .. }) = verdict else { return };
        let taken = match outcome.way {
            Some(way) => format!("it took way {}", way.number()),
            None => "it took none".to_owned(),
        };
        self.line(format!("Its authority's policy left open {}: {taken}.", phrases::ways(*open)));
    }

    /// Rules on trial, and rules behind the one that declined.
    fn besides(&mut self, moment: &Moment) {
        match matched::besides(self.story, moment) {
            None => {}
            Some(Err(problem)) => self.line(format!("Which other rules matched is not known: {problem}.")),
            Some(Ok(matches)) => {
                for found in matches {
                    let would_have = match found.enforcement {
                        Enforcement::Enforce => "Would have said no, too",
                        Enforcement::Observe => "On trial, and would have said no",
                    };
                    let (reason, rule) = (found.reason.name().replace('_', " "), self.described(moment, &found.rule));
                    self.line(format!("{would_have}: {reason}, by rule {rule}."));
                }
            }
        }
    }

    /// `no-gambling (No betting; declines MCC 7995)`.
    fn described(&self, moment: &Moment, rule: &RuleId) -> String {
        let (Some(program), Some(hash)) = (&moment.record.program, &moment.record.ruleset) else { return rule.to_string() };
        let Some(known) = self.story.rules.describe(program, hash, rule) else { return rule.to_string() };
        let does = known.does.strip_prefix(&format!("{rule}: ")).unwrap_or(&known.does).to_owned();
        match known.description {
            Some(description) => format!("{rule} ({description}; {does})"),
            None => format!("{rule} ({does})"),
        }
    }

    fn stood(&mut self, before: &Standings) {
        match before.card {
            Some(card) => self.line(format!("The card was {}.", card.name())),
            None => self.line("The card was not known, or not as one of whom was named."),
        }
        if let Some(cardholder) = before.cardholder {
            self.line(format!("Its owner was {}.", cardholder.name()));
        }
        match &before.book {
            Some(book) => {
                let status = book.account.status.name();
                self.line(format!("Account {} was {status} and had {}.", book.id, funds(&book.account)));
            }
            None => self.line("There was no account behind it."),
        }
    }

    fn decided(&mut self, moment: &Moment, outcome: &Outcome) {
        let Some((decision, basis)) = &outcome.decision else { return };
        let grounds = match basis {
            Basis::Limit(limit) => format!("by limit {}", self.described(moment, limit)),
            Basis::Rule(_) | Basis::Ledger | Basis::Replay | Basis::StandIn(_) | Basis::StandInTable(_) => phrases::basis(basis),
        };
        self.line(format!("Answered: {}, {grounds}.", phrases::answer(decision)));
        if let Some(found) = outcome.finding {
            self.line(phrases::finding(found));
        }
    }

    fn held(&mut self, expiry: Expiry, outcome: &Outcome) {
        let (Some(hold), true) = (outcome.hold, outcome.held > 0) else { return };
        let until = hold.expires_at.map_or_else(|| "its end is told".to_owned(), |at| at.to_string());
        let unless = match expiry {
            Expiry::Told => "unless the platform tells of its end before",
            Expiry::Ours => "unless it is captured or released before",
        };
        self.line(format!("It is held until {until}, {unless}."));
    }

    fn told(&mut self, moment: &Moment, title: &str, event: &ToldEvent, outcome: &Outcome) {
        self.title(title);
        let who = match (&moment.record.platform, &moment.operator) {
            (_, Some(operation)) => format!("Operator {}", operation.who),
            (Some(platform), None) => platform.to_string(),
            (None, None) => "The program".to_owned(),
        };
        let when = event.occurred_at.map_or_else(String::new, |at| format!(" (it happened at {at})"));
        self.line(format!("{who} {}{when}.", phrases::fact(&event.fact)));
        if let (Fact::Captured { .. }, Some(day)) = (&event.fact, event.settlement_day) {
            self.line(format!("The network settles it on {}.", super::json::date(day)));
        }
        if let Some(found) = outcome.finding {
            self.line(recorded::found(self.story, moment, found));
        }
        if let Some(line) = recorded::other_card(self.story, moment) {
            self.line(line);
        }
    }

    fn operator(&mut self, moment: &Moment) {
        match (&moment.operator, moment.record.operator) {
            (Some(operation), _) => self.line(format!("Done by {}: {}.", operation.who, operation.why)),
            (None, Some(_)) => self.line("Done by an operator whose words are not kept any more."),
            (None, None) => {}
        }
    }

    fn effect(&mut self, moment: &Moment) {
        let Some(outcome) = moment.record.body.outcome() else { return };
        let Some(book) = &moment.after.book else { return };
        if (outcome.posted, outcome.held) == (0, 0) {
            return self.line("No money moved.");
        }
        let (posted, held) = (book.account.money(outcome.posted), book.account.money(outcome.held));
        self.line(format!("Posted {}, held {}; after it {}.", signed(posted), signed(held), funds(&book.account)));
    }

    fn now(&mut self) {
        self.title("How it stands now");
        match (&self.story.hold, &self.story.now.book) {
            (Some(hold), Some(book)) => {
                let money = |minor| book.account.money(minor);
                let until = match (hold.status, hold.expires_at) {
                    (HoldStatus::Open, Some(at)) => format!(", until {at}"),
                    (HoldStatus::Open, None)
                    | (HoldStatus::Unplaced | HoldStatus::Captured | HoldStatus::Released | HoldStatus::Expired, _) => {
                        String::new()
                    }
                };
                let debited = match hold.ahead {
                    0 => String::new(),
                    ahead => format!(", {} debited at its decision and not completed yet", money(ahead)),
                };
                // Of what nobody authorized only the movements say what was taken.
                let posted = self.story.posted().filter(|_| hold.status == HoldStatus::Unplaced);
                let posted = posted.map(|minor| format!(" {} was posted in all.", signed(money(minor)))).unwrap_or_default();
                self.line(format!(
                    "The payment is {}: {} authorized, {} held{until}{debited}, {} captured, {} refunded.{posted}",
                    hold.status.name(),
                    money(hold.authorized),
                    money(hold.held),
                    money(hold.captured),
                    money(hold.refunded)
                ));
            }
            (None, _) if self.story.begins.is_some() && self.story.posted().is_none() => self.line(TOLD_BEFORE),
            (None, Some(book)) => self.line(match self.story.posted() {
                Some(posted) => format!("Nothing is held for it; {} was posted in all.", signed(book.account.money(posted))),
                None => NOTHING.to_owned(),
            }),
            (_, None) => self.line(NOTHING),
        }
        if let Some(book) = &self.story.now.book {
            self.line(format!("Account {} is {} and has {}.", book.id, book.account.status.name(), funds(&book.account)));
        }
        if let Some(card) = self.story.now.card {
            self.line(format!("The card is {}.", card.name()));
        }
    }
}

/// The platform's id of the payment that a question is about.
fn id_of(body: &Body) -> Option<&str> {
    match body {
        Body::Decided { request, .. } | Body::Adopted { request, .. } => {
            Some(request.increments.as_ref().unwrap_or(&request.payment).authorization.as_str())
        }
        Body::Ordered { payment, .. } | Body::Joined { payment, .. } | Body::Reassigned { payment, .. } => {
            Some(payment.authorization.as_str())
        }
        Body::Told { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. } => None,
    }
}

/// `100.00 USD of 500.00 USD were used before, 400.00 USD remained; 3 of 20 transactions, 17 remained`.
fn limit(check: &LimitCheck, used: &holdfast_core::hold::LimitUse, ceiling: Money) -> String {
    let money = |minor| Money::from_minor(minor, ceiling.currency());
    let mut parts = Vec::new();
    if let Some(most) = check.amount_max {
        let left = most.saturating_sub(used.amount).max(0);
        parts.push(format!("{} of {} were used before, {} remained", money(used.amount), money(most), money(left)));
    }
    if let Some(most) = check.count_max {
        let left = most.saturating_sub(used.count);
        parts.push(format!("{} of {most} transactions were counted before, {left} remained", used.count));
    }
    match check.enforcement {
        Enforcement::Enforce => {}
        Enforcement::Observe => parts.push("on trial, it declines nothing".to_owned()),
    }
    parts.join("; ")
}

/// `1000.00 USD posted, 27.35 USD held, 972.65 USD available`.
fn funds(account: &Account) -> String {
    let money = |minor| account.money(minor);
    let line =
        if account.credit_line == 0 { String::new() } else { format!(" with a credit line of {}", money(account.credit_line)) };
    format!("{} posted, {} held, {} available{line}", money(account.posted), money(account.held), money(account.available()))
}

fn signed(money: Money) -> String {
    if money.minor() > 0 { format!("+{money}") } else { money.to_string() }
}

/// Whether the rules were left out at the wish of a caller that may have that.
fn were_bypassed(body: &Body) -> bool {
    body.question().is_some_and(phrases::are_rules_bypassed)
}
