//! Every check: what is listed, what is not, what is absent; and which kinds a rule is about.

use std::sync::Arc;

use super::*;

/// Listed, not listed and absent, under an allow list and a deny list.
fn both_lists<S>(
    set: impl Fn() -> S,
    check: impl Fn(Listed<S>) -> Check,
    expected: DeclineReason,
    [listed, unlisted, absent]: [AuthorizationRequest; 3],
) {
    let allow = || rule("allow", check(Listed::Allow(set())));
    let deny = || rule("deny", check(Listed::Deny(set())));
    assert_eq!(reason(allow(), &listed), None, "{expected}: allowed");
    assert_eq!(reason(allow(), &unlisted), Some(expected), "{expected}: not on the allow list");
    assert_eq!(reason(allow(), &absent), Some(expected), "{expected}: absent under an allow list");
    assert_eq!(reason(deny(), &listed), Some(expected), "{expected}: denied");
    assert_eq!(reason(deny(), &unlisted), None, "{expected}: not on the deny list");
    assert_eq!(reason(deny(), &absent), None, "{expected}: absent under a deny list");
}

fn with(change: impl FnOnce(&mut AuthorizationRequest)) -> AuthorizationRequest {
    let mut request = request();
    change(&mut request);
    request
}

#[test]
fn lists() {
    both_lists(
        || mccs(&["gambling", "5411"]),
        Check::Mcc,
        DeclineReason::MerchantCategoryNotAllowed,
        [
            with(|r| r.merchant.mcc = Some(mcc("7995"))),
            with(|r| r.merchant.mcc = Some(mcc("5412"))),
            with(|r| r.merchant.mcc = None),
        ],
    );
    let ids = || SortedSet::new(["b", "a", "c"].map(|id| MerchantId::new(id).unwrap()).to_vec()).unwrap();
    both_lists(
        ids,
        Check::MerchantId,
        DeclineReason::MerchantNotAllowed,
        [
            with(|r| r.merchant.id = Some(MerchantId::new("c").unwrap())),
            with(|r| r.merchant.id = Some(MerchantId::new("C").unwrap())),
            with(|r| r.merchant.id = None),
        ],
    );
    let names = || SortedSet::new(["Acme Store", "Zoë's"].map(|name| MerchantName::of(name).unwrap()).to_vec()).unwrap();
    both_lists(
        names,
        Check::MerchantName,
        DeclineReason::MerchantNotAllowed,
        [
            with(|r| r.merchant.name = MerchantName::of("ACME* STORE")),
            with(|r| r.merchant.name = MerchantName::of("ACME STORES")),
            with(|r| r.merchant.name = None),
        ],
    );
    let countries = || SortedSet::new(vec![country("USA"), country("CAN")]).unwrap();
    both_lists(
        countries,
        Check::MerchantCountry,
        DeclineReason::MerchantCountryNotAllowed,
        [
            with(|r| r.merchant.country = Some(country("CA"))),
            with(|r| r.merchant.country = Some(country("MEX"))),
            with(|r| r.merchant.country = None),
        ],
    );
    let modes = || EntryModeSet::new(&[EntryMode::Chip, EntryMode::Contactless]).unwrap();
    both_lists(
        modes,
        Check::EntryMode,
        DeclineReason::EntryModeNotAllowed,
        [
            with(|r| r.entry_mode = EntryMode::Contactless),
            with(|r| r.entry_mode = EntryMode::MagneticStripe),
            with(|r| r.entry_mode = EntryMode::Unknown),
        ],
    );
}

#[test]
fn every_entry_mode_and_kind_is_told_apart() {
    for one in EntryMode::ALL {
        let only = EntryModeSet::new(&[one]).unwrap();
        assert_eq!(EntryMode::ALL.into_iter().filter(|mode| only.contains(*mode)).collect::<Vec<_>>(), [one]);
    }
    for one in AuthorizationKind::ALL {
        let mut expected = vec![one];
        if one == AuthorizationKind::Purchase {
            expected.push(AuthorizationKind::Incremental);
        }
        assert_eq!(KindSet::new(&[one]).unwrap().iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn amounts_include_their_ends_and_need_their_currency() {
    let range = || AmountRange::new(Some(usd("5.00")), Some(usd("750.00"))).unwrap();
    let cases = [
        (usd("4.99"), Some(DeclineReason::AmountBelowMinimum)),
        (usd("5.00"), None),
        (usd("750.00"), None),
        (usd("750.01"), Some(DeclineReason::AmountAboveMaximum)),
        (euro("20.00"), Some(DeclineReason::CurrencyNotAllowed)),
    ];
    for (amount, expected) in cases {
        assert_eq!(reason(rule("amount", Check::Amount(range())), &with(|r| r.amount = amount)), expected, "{amount:?}");
    }
}

#[test]
fn cash_is_known_by_kind_and_by_place() {
    use AuthorizationKind::{BalanceInquiry, BillPayment, CashWithdrawal, Credit, Purchase, PurchaseWithCashback, QuasiCash};
    let (cash, quasi) = (Some(DeclineReason::CashNotAllowed), Some(DeclineReason::QuasiCashNotAllowed));
    let cases = [
        (CashWithdrawal, "6011", cash, None),
        (CashWithdrawal, "5411", cash, None),
        (PurchaseWithCashback, "5411", cash, None),
        (Purchase, "6010", cash, None),
        (Purchase, "5411", None, None),
        (BalanceInquiry, "6011", None, None),
        (AuthorizationKind::AccountVerification, "6011", None, None),
        (QuasiCash, "5411", None, quasi),
        (Purchase, "6051", None, quasi),
        (BillPayment, "4829", None, quasi),
        (Credit, "6051", None, None),
    ];
    for (kind, code, by_cash, by_quasi_cash) in cases {
        let request = with(|r| (r.kind, r.merchant.mcc) = (kind, Some(mcc(code))));
        assert_eq!(reason(rule("cash", Check::Cash), &request), by_cash, "{kind:?} {code}");
        assert_eq!(reason(rule("quasi-cash", Check::QuasiCash), &request), by_quasi_cash, "{kind:?} {code}");
    }
}

#[test]
fn borders_and_wallets() {
    let abroad = Some(country("CAN"));
    let cases = [
        // Told, the merchant's country, whether denying declines, whether requiring declines.
        (CrossBorder::Yes, Some(country("USA")), true, false),
        (CrossBorder::No, abroad, false, true),
        (CrossBorder::NotTold, abroad, true, false),
        (CrossBorder::NotTold, Some(country("USA")), false, true),
        (CrossBorder::NotTold, None, false, true),
    ];
    for (told, merchant_country, denied, lacking) in cases {
        let request = with(|r| (r.cross_border, r.merchant.country) = (told, merchant_country));
        let deny = reason(rule("deny", Check::CrossBorder(Requirement::Deny)), &request);
        let require = reason(rule("require", Check::CrossBorder(Requirement::Require)), &request);
        assert_eq!(deny, denied.then_some(DeclineReason::CrossBorderNotAllowed), "{told:?} {merchant_country:?}");
        assert_eq!(require, lacking.then_some(DeclineReason::MerchantCountryNotAllowed), "{told:?} {merchant_country:?}");
    }
    for (wallet, refusing, passing) in
        [(Wallet::Token, Requirement::Deny, Requirement::Require), (Wallet::None, Requirement::Require, Requirement::Deny)]
    {
        let request = with(|r| r.wallet = wallet);
        assert_eq!(reason(rule("w", Check::Wallet(refusing)), &request), Some(DeclineReason::WalletNotAllowed));
        assert_eq!(reason(rule("w", Check::Wallet(passing)), &request), None);
    }
}

#[test]
fn hours_over_midnight_and_over_the_end_of_the_week() {
    let span = |days: &[Weekday], from: &str, to: &str| {
        Span::new(days.to_vec(), TimeOfDay::parse(from).unwrap(), TimeOfDay::parse(to).unwrap()).unwrap()
    };
    let spans = || {
        vec![
            span(&[Weekday::Friday, Weekday::Sunday], "22:00", "02:00"),
            span(&[Weekday::Wednesday], "00:00", "24:00"),
            span(&[Weekday::Tuesday], "23:00", "00:00"),
        ]
    };
    // 2 March 2026 is a Monday.
    let cases = [
        ("2026-03-06 21:59:59", false),
        ("2026-03-06 22:00:00", true),
        ("2026-03-07 01:59:59", true),
        ("2026-03-07 02:00:00", false),
        ("2026-03-07 22:30:00", false),
        ("2026-03-08 23:00:00", true),
        ("2026-03-09 01:59:59", true),
        ("2026-03-09 02:00:00", false),
        ("2026-03-04 00:00:00", true),
        ("2026-03-04 23:59:59", true),
        ("2026-03-05 00:00:00", false),
        ("2026-03-03 22:59:59", false),
        ("2026-03-03 23:00:00", true),
    ];
    let hours = |spans| Check::Hours(Hours::new(spans, Arc::new(Zone::utc())).unwrap());
    let deny = ruleset(vec![rule("hours", hours(Listed::Deny(spans())))], vec![]);
    let allow = ruleset(vec![rule("hours", hours(Listed::Allow(spans())))], vec![]);
    for (now, inside) in cases {
        let declines = |ruleset| matches!(evaluate(ruleset, &request(), at(now), &mut NoTrace), Verdict::Decline { .. });
        assert_eq!((declines(&deny), declines(&allow)), (inside, !inside), "{now}");
    }
}

#[test]
fn times_of_day() {
    for (text, minutes) in [("00:00", 0), ("08:30", 510), ("23:59", 1439), ("24:00", 1440)] {
        assert_eq!(TimeOfDay::parse(text).map(TimeOfDay::minutes), Ok(minutes), "{text}");
    }
    for text in ["", ":", "8:30", "08:3", "08:60", "24:01", "25:00", "+1:00", "08:30:00", "noon"] {
        assert_eq!(TimeOfDay::parse(text), Err(RulesetProblem::NotATime), "{text}");
    }
}

#[test]
fn which_kinds_a_rule_is_about() {
    let about = |check: &dyn Fn() -> Check, when: When, request: AuthorizationRequest| -> Vec<&str> {
        let declines = |kind: &AuthorizationKind| {
            let request = AuthorizationRequest { kind: *kind, ..request };
            reason(rule("r", check()).when(when.clone()), &request).is_some()
        };
        AuthorizationKind::ALL.iter().filter(|kind| declines(kind)).map(|kind| kind.name()).collect()
    };
    let taking_money = ["purchase", "purchase_with_cashback", "cash_withdrawal", "quasi_cash", "bill_payment", "incremental"];
    let min = || Check::Amount(AmountRange::new(Some(usd("5.00")), None).unwrap());
    assert_eq!(about(&min, When::default(), with(|r| r.amount = usd("0"))), taking_money);

    let groceries = || Check::Mcc(Listed::Deny(mccs(&["groceries"])));
    let all_but_credit = AuthorizationKind::ALL.map(AuthorizationKind::name).into_iter().filter(|kind| *kind != "credit");
    assert_eq!(about(&groceries, When::default(), request()), all_but_credit.collect::<Vec<_>>());

    let kinds = |kinds: &[AuthorizationKind]| When { kinds: Some(KindSet::new(kinds).unwrap()), ..When::default() };
    assert_eq!(about(&groceries, kinds(&[AuthorizationKind::Credit]), request()), ["credit"]);
    assert_eq!(about(&groceries, kinds(&[AuthorizationKind::Purchase]), request()), ["purchase", "incremental"]);

    let only = || Check::Kind(Listed::Allow(KindSet::TAKING_MONEY));
    assert_eq!(about(&only, When::default(), request()), ["account_verification", "credit", "balance_inquiry"]);
}

#[test]
fn every_condition_must_hold() {
    let when = || When {
        kinds: Some(KindSet::new(&[AuthorizationKind::Purchase]).unwrap()),
        posting: Some(Posting::Hold),
        entry_modes: Some(EntryModeSet::new(&[EntryMode::Keyed]).unwrap()),
        wallet: Some(Wallet::None),
        border: Some(CrossBorder::Yes),
        mcc: Some(mccs(&["5411"])),
        countries: Some(SortedSet::new(vec![country("CAN")]).unwrap()),
        networks: Some(NetworkSet::new(vec![NetworkName::new("VISA").unwrap()]).unwrap()),
        checkout: Vec::new(),
    };
    let matching = || {
        with(|r| {
            r.entry_mode = EntryMode::Keyed;
            r.merchant.country = Some(country("CAN"));
            r.network = NetworkName::new("VISA").ok();
        })
    };
    let declines = |request: &AuthorizationRequest| {
        let max = Check::Amount(AmountRange::new(None, Some(usd("1.00"))).unwrap());
        reason(rule("keyed-abroad", max).when(when()), request).is_some()
    };
    assert!(declines(&matching()));
    let exceptions: [fn(&mut AuthorizationRequest); 11] = [
        |r| r.kind = AuthorizationKind::BillPayment,
        |r| r.posting = Posting::Immediate,
        |r| r.entry_mode = EntryMode::Unknown,
        |r| r.wallet = Wallet::Token,
        |r| r.cross_border = CrossBorder::No,
        |r| r.merchant.mcc = Some(mcc("5812")),
        |r| r.merchant.mcc = None,
        |r| r.merchant.country = Some(country("MEX")),
        |r| r.merchant.country = None,
        |r| r.network = NetworkName::new("MASTERCARD").ok(),
        |r| r.network = None,
    ];
    for (index, exception) in exceptions.into_iter().enumerate() {
        let mut request = matching();
        exception(&mut request);
        assert!(!declines(&request), "exception {index}");
    }
}
