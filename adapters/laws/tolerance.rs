//! The laws of tolerance: platforms add fields, write odd values and leave things out. Every fixture's body is changed in one
//! place after the other.

use holdfast_core::{Currency, MerchantName};
use sha2::{Digest as _, Sha256};

use super::describe::describe;
use super::tree::{Site, Tree};
use super::{Case, Failures, cases};
use crate::answer::Refused;
use crate::inbound::{Inbound, Malformed};
use crate::proof::hex;

/// Optional fields that are refused instead of ignored when they are malformed, for to ignore them would be to guess about
/// money, or to pass what a rule denies: the platform, and the field.
const STRICT: &[(&str, &str)] = &[
    ("apto", "authorization.billing_amount.currency"),
    ("marqeta", "amount"),
    // What a rule that denies the category that was meant would let through.
    ("apto", "authorization.merchant_data.mcc"),
    ("apto", "mcc"),
    ("marqeta", "card_acceptor.mcc"),
    ("proving", "authorization.mcc"),
    // Whose money it is.
    ("marqeta", "card_token"),
    // A contract of ours: what is looked up, or looked at by a policy, is never guessed.
    ("agent_spend", "intent_reference"),
    ("agent_spend", "binding_id"),
    ("agent_spend", "instrument_id"),
    ("agent_spend", "mcc"),
    ("agent_spend", "merchant"),
    ("agent_spend", "merchant_id"),
    ("agent_spend", "merchant_country"),
    ("agent_spend", "platform_transaction_token"),
    ("agent_spend", "network"),
    ("agent_spend", "occurred_at"),
    ("agent_spend", "correlation_id"),
];

/// Fields of which others can take the place: the platform, the field that is left out, and what the error names then.
const ALTERNATIVES: &[(&str, &str, &str)] = &[
    // Money goes one way or the other, and a body that has neither is taken for the usual way.
    ("marqeta", "gpa_order", "gpa_order_unload.jit_funding"),
    ("marqeta", "gpa_order_unload", "gpa_order.jit_funding"),
    // One or the other has to be there.
    ("authorizations", "void_me", "capture_amount"),
    // Without a currency US dollars are meant, which have fewer decimals.
    ("payment_gateway", "data.currency_code", "data.transaction_amount"),
    ("pre_auth", "data.currency", "data.transaction_amount"),
    // What is refused is not what is then missed.
    ("pre_auth", "data.card_number", "data.card_token"),
    // A check is of a merchant's payment, or of a payment that is named.
    ("pre_auth", "id", "merchant_id"),
    // Both name the payment that an increment adds to.
    ("marqeta", "preceding_related_transaction_token", "gpa_order.jit_funding.original_jit_funding_token"),
    // The program's currency stands in for it, and may have fewer decimals.
    ("apto", "authorization.billing_amount.currency", "authorization.billing_amount.amount"),
];

/// Objects whose members are all the caller's own, so that none of them is unknown: the platform, and the object.
const OWN: &[(&str, &str)] = &[("authorizations", "tags")];

/// The body of a fixture, or what it fetched: whichever is changed, the other one stays.
#[derive(Clone, Copy)]
enum Part {
    Sent,
    Fetched,
}

/// A part of a fixture that is JSON, as a tree.
struct Subject<'a> {
    case: &'a Case,
    part: Part,
    tree: Tree,
}

/// What became of a body, in words that can be compared, and the error where it was one.
struct Outcome {
    text: String,
    malformed: Option<Malformed>,
}

impl Subject<'_> {
    fn inbound<'a>(&'a self, body: &'a str) -> Result<Inbound<'a>, Malformed> {
        match self.part {
            Part::Sent => self.case.decode(body.as_bytes()),
            Part::Fetched => self.case.adapter.decode_fetched(&self.case.authentic(&self.case.body), body.as_bytes()),
        }
    }

    fn decode(&self, tree: &Tree) -> Outcome {
        let body = tree.to_string();
        let inbound = self.inbound(&body);
        let text = comparable(&describe(&inbound), &body);
        Outcome { text, malformed: inbound.err() }
    }

    fn scalars(&self) -> Vec<Site> {
        self.tree.sites().into_iter().filter(|site| matches!(self.tree.at(site), Tree::Scalar(_))).collect()
    }
}

/// Leaves out what may differ with every byte of the body: digests, what is kept redacted, keys that are made of digests (and
/// are therefore not in the body), and whole objects that are repeated.
fn comparable(described: &str, body: &str) -> String {
    let varies = |line: &str| {
        let (name, value) = line.trim().split_once(": ").unwrap_or((line, ""));
        match name {
            // What a door of ours keeps to give back has what was written.
            "digest" | "redacted" | "slip" => true,
            "key" => !body.contains(value),
            "echo" => value.contains(" = {") || value.contains(" = ["),
            _ => false,
        }
    };
    described.lines().filter(|line| !varies(line)).collect::<Vec<_>>().join("\n")
}

fn without_echo(text: &str) -> String {
    text.lines().filter(|line| !line.trim().starts_with("echo: ")).collect::<Vec<_>>().join("\n")
}

fn for_each_body(mut law: impl FnMut(&Subject<'_>, &mut Failures)) {
    let mut failures = Failures::default();
    for case in &cases() {
        let parts = [(Part::Sent, Some(&case.body)), (Part::Fetched, case.fixture.fetched.as_ref())];
        for (part, body) in parts {
            if let Some(tree) = body.and_then(|body| Tree::parse(body)) {
                law(&Subject { case, part, tree }, &mut failures);
            }
        }
    }
    failures.report();
}

#[test]
fn unknown_fields_change_nothing() {
    for_each_body(|subject, failures| {
        let before = subject.decode(&subject.tree).text;
        let objects = subject.tree.sites().into_iter().filter(|site| matches!(subject.tree.at(site), Tree::Object(_)));
        for site in objects {
            if OWN.contains(&(subject.case.platform.name, subject.tree.path(&site).as_str())) {
                continue;
            }
            for raw in [r#"{"id":"zz","amount":[1,{"zz":null}]}"#, "12345678901234567890.5", "null"] {
                let after = subject.decode(&subject.tree.with_member(&site, "zz_unknown", raw)).text;
                let path = subject.tree.path(&site);
                failures.expect(before == after, subject.case, || {
                    format!("an unknown field in `{path}` changes\n{before}\nto\n{after}")
                });
            }
        }
    });
}

/// Whatever stands where a scalar stood: it is understood, or the error names a place, and never the value.
#[test]
fn an_odd_value_is_understood_or_named() {
    const ODD: &[&str] = &[
        "null",
        "17",
        "-0.005",
        "1e400",
        "123456789012345678901234567890",
        r#""ZZ-CANARY""#,
        r#""""#,
        r#"" ZZ-CANARY\u0000\ud83d\udca5 ""#,
        r#"{"zz":"ZZ-CANARY"}"#,
        r#"["ZZ-CANARY"]"#,
        "true",
    ];
    for_each_body(|subject, failures| {
        let before = subject.decode(&subject.tree).malformed;
        for site in subject.scalars() {
            let marked = subject.tree.replaced(&site, "<here>").to_string();
            let (start, end) = marked.split_once("<here>").unwrap();
            for odd in ODD {
                let Err(malformed) = subject.inbound(&format!("{start}{odd}{end}")) else { continue };
                let path = subject.tree.path(&site);
                let tree = subject.tree.replaced(&site, odd);
                let named = tree.knows(&malformed.path) || Some(&malformed) == before.as_ref();
                failures.expect(named, subject.case, || format!("`{path}` as {odd}: an error that is nowhere: {malformed}"));
                let told = told_of(subject.case, malformed);
                failures.expect(!told.contains("CANARY"), subject.case, || format!("`{path}` as {odd}: its value in {told}"));
            }
        }
    });
}

/// Whatever stands where a scalar stood, as a text or as a number: no card's number comes to the rules, the ledger, what is kept
/// or an error.
#[test]
fn no_card_number_comes_through() {
    const NUMBERS: &[&str] = &[
        r#""4111111111111111""#,
        r#""tok_4111111111111111""#,
        r#""4111111111111111=2512""#,
        r#""tok-4111-1111-1111-1111""#,
        r#""４１１１１１１１１１１１１１１１""#,
        "4111111111111111",
        "4111111111111111.0",
        "-4111111111111111",
    ];
    for_each_body(|subject, failures| {
        for site in subject.scalars() {
            for number in NUMBERS {
                let body = subject.tree.replaced(&site, number).to_string();
                let described = without_echo(&describe(&subject.inbound(&body)));
                // As it is, or as a digest that has no key: of a merchant's name, or of the whole body.
                let digests = [number.trim_matches('"'), &body].map(digests_of).concat();
                let came = described.lines().map(without_amounts).find(|line| {
                    ["11111111", "1111-1111", "１１１１１１１１"].iter().any(|ones| line.contains(ones))
                        || digests.iter().any(|digest| line.contains(digest))
                });
                failures.expect(came.is_none(), subject.case, || {
                    format!("`{}` as {number}: {}", subject.tree.path(&site), came.unwrap_or_default())
                });
            }
        }
    });
}

/// Of a text as it is, and of one that is taken for a merchant's name: as far as 64 bits, which is as much as anybody keeps.
fn digests_of(text: &str) -> Vec<String> {
    let name = MerchantName::of(text).map(|name| hex(name.as_bytes()));
    let digests = name.into_iter().chain([hex(&Sha256::digest(text))]);
    digests.map(|digest| digest[..16].to_owned()).collect()
}

/// Leaves out the amounts, which are a decimal number before its currency: one of so much is money, however unlikely.
fn without_amounts(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_amount = |place: usize| {
        let number = words[place].rsplit_once('=').map_or(words[place], |(_, number)| number);
        let has_currency = words.get(place + 1).is_some_and(|code| Currency::from_alpha(code).is_some());
        has_currency && number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
    };
    let others = (0..words.len()).filter(|place| !is_amount(*place)).map(|place| words[place]);
    others.collect::<Vec<_>>().join(" ")
}

#[test]
fn an_amount_is_left_out_and_nothing_beside_it() {
    assert_eq!(without_amounts("  amount: 41.00 USD"), "  amount: USD");
    assert_eq!(without_amounts("  fact: Reduced payment=41.00 by=41.00 USD"), "  fact: Reduced payment=41.00 USD");
    assert_eq!(without_amounts("  key: 41.00"), "  key: 41.00");
}

/// Everything that anyone hears of an error.
fn told_of(case: &Case, malformed: Malformed) -> String {
    let mut body = Vec::new();
    let displayed = malformed.to_string();
    case.adapter.refuse(&Refused::Malformed(malformed), &mut body);
    format!("{displayed} {}", String::from_utf8_lossy(&body))
}

/// An optional field of another type than promised is as good as none. What is optional shows when it is left out.
#[test]
fn a_malformed_optional_field_counts_as_absent() {
    for_each_body(|subject, failures| {
        if !matches!(subject.case.owed(), Ok(Inbound::Authorization(_) | Inbound::Balance(_))) {
            return;
        }
        for site in subject.scalars() {
            let Some(without) = subject.tree.without(&site) else { continue };
            let absent = subject.decode(&without);
            if absent.malformed.is_some() {
                continue;
            }
            let path = subject.tree.path(&site);
            let strict = STRICT.contains(&(subject.case.platform.name, path.as_str()));
            // Half a character, and a number that nothing can carry: the proving platform's reader knows no raw values, and takes
            // a body with either for no JSON.
            let broken: &[&str] = if subject.case.platform.name == "proving" { &[] } else { &[r#""cut \ud83d""#, "1e400"] };
            for odd in ["null", "{}", "[]"].iter().chain(broken) {
                let found = subject.decode(&subject.tree.replaced(&site, odd));
                let same = without_echo(&found.text) == without_echo(&absent.text);
                let refused = found.malformed.is_some_and(|malformed| malformed.path == path);
                failures.expect(same || (strict && refused), subject.case, || {
                    format!("`{path}` as {odd} is not as good as absent, but\n{}\ninstead of\n{}", found.text, absent.text)
                });
            }
        }
    });
}

#[test]
fn a_missing_field_is_named() {
    for_each_body(|subject, failures| {
        let before = subject.decode(&subject.tree).malformed;
        for site in subject.tree.sites() {
            let Some(tree) = subject.tree.without(&site) else { continue };
            let Some(malformed) = subject.decode(&tree).malformed else { continue };
            let path = subject.tree.path(&site);
            let (_, above) = site.split_last().unwrap();
            // Where all faults are told at once, it is one of them.
            let mut told = std::iter::once(&malformed).chain(&malformed.others).map(|malformed| malformed.path.as_str());
            let named = told.any(|at| {
                let instead = ALTERNATIVES.contains(&(subject.case.platform.name, path.as_str(), at));
                instead || at == path || at == subject.tree.path(above) || at.starts_with(&format!("{path}."))
            });
            failures.expect(
                named
                    || before
                        .as_ref()
                        .is_some_and(|before| (&before.path, before.problem) == (&malformed.path, malformed.problem)),
                subject.case,
                || format!("`{path}` left out: {malformed}"),
            );
        }
    });
}

/// A route that only ever notifies takes every authentic body.
#[test]
fn a_notification_is_never_refused() {
    let all = cases();
    let notifies = |case: &Case| matches!(case.decode(&case.body), Ok(Inbound::Notification { .. } | Inbound::Handshake { .. }));
    let only_notifies = |case: &Case| {
        let same_route = |other: &&Case| other.platform.name == case.platform.name && other.route == case.route;
        all.iter().filter(same_route).all(notifies)
    };
    let mut failures = Failures::default();
    for case in all.iter().filter(|case| only_notifies(case)) {
        let mut bodies: Vec<Vec<u8>> = [&b""[..], b"{", b"\xff", b"null", b"[]", b"{}", b"7", b"\"x\""].map(Vec::from).to_vec();
        if let Some(tree) = Tree::parse(&case.body) {
            for site in tree.sites() {
                bodies.extend(["null", "{}", "[]", "\"ZZ\"", "-1"].map(|odd| tree.replaced(&site, odd).to_string().into()));
                bodies.extend(tree.without(&site).map(|tree| tree.to_string().into()));
            }
        }
        for body in bodies {
            let refused = case.decode(&body).err();
            failures.expect(refused.is_none(), case, || format!("{refused:?} for {}", String::from_utf8_lossy(&body)));
        }
    }
    failures.report();
}
