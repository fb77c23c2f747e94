//! The door for JSON, by what platforms really send through it.

use holdfast_core::Timestamp;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// Some of its members are only there to be wrong.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read from JSON to see whether they can be")]
struct Outer<'a> {
    #[serde(borrow)]
    token: Text<'a>,
    #[serde(borrow, default)]
    memo: Lenient<Text<'a>>,
    #[serde(default)]
    switch: Lenient<bool>,
    #[serde(borrow, default)]
    inner: Option<Inner<'a>>,
    #[serde(borrow, default)]
    list: Vec<Inner<'a>>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read from JSON to see whether they can be")]
struct Inner<'a> {
    #[serde(borrow)]
    amount: Amount<'a>,
    count: u8,
}

fn read(json: &str) -> Result<Outer<'_>, Malformed> {
    parse(json.as_bytes())
}

#[test]
fn a_text_is_borrowed_unless_it_has_an_escape() {
    let cases = [
        (r#""plain""#, Some(("plain", true))),
        (r#""Café ☕""#, Some(("Café ☕", true))),
        (r#""  padded ""#, Some(("  padded ", true))),
        (r#""a\"b""#, Some(("a\"b", false))),
        (r#""\u0041""#, Some(("A", false))),
        ("5411", Some(("5411", false))),
        ("-7", Some(("-7", false))),
        ("9223372036854775807", Some(("9223372036854775807", false))),
        // Not digits alone, or more than a number can carry: what it would print as is not what was sent.
        ("9223372036854775808", None),
        ("54.11", None),
        ("1e3", None),
        ("true", None),
        ("null", None),
        ("{}", None),
        ("[\"x\"]", None),
    ];
    for (json, expected) in cases {
        let text: Option<Text<'_>> = serde_json::from_str(json).ok();
        let found = text.as_ref().map(|Text(text)| (&**text, matches!(text, Cow::Borrowed(_))));
        assert_eq!(found, expected, "{json}");
    }
    assert_eq!(Text(Cow::Borrowed(" x\t")).trimmed(), "x");
}

#[test]
fn an_optional_text_of_every_type() {
    let cases = [
        (r#""x""#, Some("x")),
        (r#"" x  ""#, Some("x")),
        (r#""x\ty""#, Some("x\ty")),
        (r#""\ud83d\udca5""#, Some("\u{1f4a5}")),
        // Half a character.
        (r#""\ud83d""#, None),
        (r#""x\udca5""#, None),
        (r#""""#, None),
        (r#""   ""#, None),
        ("17", Some("17")),
        ("-17", Some("-17")),
        ("17.0", Some("17")),
        ("1.7e1", Some("17")),
        ("1.5", None),
        ("1e15", None),
        ("1e300", None),
        ("123456789012345678901234567890", None),
        ("true", None),
        ("null", None),
        ("{}", None),
        (r#"{"memo":"x","deep":[{}]}"#, None),
        ("[]", None),
        (r#"["x",["y"]]"#, None),
    ];
    for (json, expected) in cases {
        let body = format!(r#"{{"memo":{json},"token":"t"}}"#);
        let outer = read(&body).unwrap();
        assert_eq!(outer.memo.text(), expected, "{json}");
        // What was ignored was ignored whole: the next field is read as if nothing had been.
        assert_eq!(outer.token.trimmed(), "t", "{json}");
    }
    assert_eq!(read(r#"{"token":"t"}"#).unwrap().memo.text(), None);
}

#[test]
fn an_optional_switch_of_every_type() {
    let cases = [
        ("true", Some(true)),
        ("false", Some(false)),
        ("1", Some(true)),
        ("0", Some(false)),
        (r#""true""#, Some(true)),
        (r#"" FALSE ""#, Some(false)),
        (r#""1""#, Some(true)),
        (r#""0""#, Some(false)),
        (r#""yes""#, None),
        (r#""1\ud800""#, None),
        (r#""""#, None),
        ("2", None),
        ("-1", None),
        ("1.0", None),
        ("null", None),
        (r#"{"a":true}"#, None),
        ("[true]", None),
    ];
    for (json, expected) in cases {
        let body = format!(r#"{{"switch":{json},"token":"t"}}"#);
        assert_eq!(read(&body).unwrap().switch.0, expected, "{json}");
    }
}

#[test]
fn an_amount_is_exactly_what_was_sent() {
    let usd = Currency::USD;
    let cases = [
        ("27.35", Ok(2735)),
        ("70.00", Ok(7000)),
        ("-5", Ok(-500)),
        (r#""27.35""#, Ok(2735)),
        (r#"" 27.35 ""#, Ok(2735)),
        ("0.1", Ok(10)),
        ("92233720368547758.07", Ok(i64::MAX)),
        // A float would have made 90071992547409.93 of it.
        ("90071992547409.91", Ok(9_007_199_254_740_991)),
        ("2.7e1", Ok(2700)),
        ("12.345", Err(AmountError::TooPrecise)),
        ("1e30", Err(AmountError::TooLarge)),
        (r#""""#, Err(AmountError::NotANumber)),
        (r#""1,5""#, Err(AmountError::NotANumber)),
        (r#""\u0031""#, Err(AmountError::NotANumber)),
        ("null", Err(AmountError::NotANumber)),
        ("true", Err(AmountError::NotANumber)),
        ("{}", Err(AmountError::NotANumber)),
        ("[1]", Err(AmountError::NotANumber)),
    ];
    for (json, expected) in cases {
        let body = format!(r#"{{"amount": {json} ,"count":1}}"#);
        let inner: Inner<'_> = parse(body.as_bytes()).unwrap();
        assert_eq!(inner.amount.raw(), json);
        assert_eq!(inner.amount.money(usd).map(Money::minor), expected, "{json}");
    }
}

/// The path of what is wrong, and no word of its value.
#[test]
fn errors_name_the_place_and_never_the_value() {
    let missing = "is missing";
    let wrong_type = "has a value of the wrong type";
    let cases: &[(&[u8], &str, &str)] = &[
        (b"", "", "is not JSON"),
        (b"5105105105105100 5105105105105100", "", "is not JSON"),
        (b"{\"token\":\"5105105105105100", "", "is not JSON"),
        (b"{\"token\":\"t\"", "", "is not JSON"),
        (b"{\"token\":\"t\"} 5105105105105100", "", "is not JSON"),
        (b"{\"token\":\"5105105105105100\",}", "", "is not JSON"),
        (b"{'token':'5105105105105100'}", "", "is not JSON"),
        (b"{\"token\":\"5105105105105100\xff\"}", "", "is not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "", "is not UTF-8"),
        (b"5105105105105100", "", wrong_type),
        (b"null", "", wrong_type),
        (b"[]", "", wrong_type),
        (b"{}", "token", missing),
        (b"{\"memo\":\"5105105105105100\"}", "token", missing),
        (b"{\"token\":[5105105105105100]}", "token", wrong_type),
        (b"{\"token\":null}", "token", wrong_type),
        (b"{\"token\":\"t\",\"inner\":\"5105105105105100\"}", "inner", wrong_type),
        (b"{\"token\":\"t\",\"inner\":{}}", "inner.amount", missing),
        (b"{\"token\":\"t\",\"inner\":{\"amount\":5105105105105100}}", "inner.count", missing),
        (b"{\"token\":\"t\",\"inner\":{\"amount\":1,\"count\":5105105105105100}}", "inner.count", wrong_type),
        (b"{\"token\":\"t\",\"inner\":{\"amount\":1,\"count\":\"5105105105105100\"}}", "inner.count", wrong_type),
        (b"{\"token\":\"t\",\"list\":[{\"amount\":1,\"count\":1},{\"count\":1}]}", "list[1].amount", missing),
        (b"{\"token\":\"t\",\"list\":[{\"amount\":1,\"count\":-5105}]}", "list[0].count", wrong_type),
        (b"{\"token\":\"t\",\"list\":{\"5105105105105100\":1}}", "list", wrong_type),
    ];
    for (body, path, problem) in cases {
        let shown = String::from_utf8_lossy(body);
        let malformed = parse::<Outer<'_>>(body).map(|_| ()).unwrap_err();
        assert_eq!((malformed.path.as_str(), malformed.problem), (*path, *problem), "{shown}");
        assert!(!malformed.to_string().contains("5105"), "{malformed}");
    }
}

#[test]
fn half_a_character_is_no_text() {
    let wrong = |path| Err(Malformed::field(path, "has a value of the wrong type"));
    assert_eq!(read(r#"{"token":"t\ud800"}"#).map(|_| ()), wrong("token"));
    assert_eq!(read(r#"{"token":"t","inner":{"amount":1,"count":"\udc00"}}"#).map(|_| ()), wrong("inner.count"));
    let Members(members) = parse(br#"{"\ud800":1,"b":2}"#).unwrap();
    assert_eq!(members.iter().map(|(name, value)| (&**name, value.get())).collect::<Vec<_>>(), [("", "1"), ("b", "2")]);
}

#[test]
fn what_is_not_utf8_is_mended_where_it_is_in_a_text() {
    let cases: [(&[u8], Option<&str>); 10] = [
        (b"{\"memo\":\"plain\"}", None),
        (b"{\"memo\":\"a\xffb\"}", Some(r#"{"memo":"a\ud800\ud800b"}"#)),
        (b"{\"memo\":\"caf\xc3\",\"token\":\"t\xe2\x82\"}", Some(r#"{"memo":"caf\ud800\ud800","token":"t\ud800\ud800"}"#)),
        // No neighbour makes a whole character of it.
        (b"{\"memo\":\"\xff\\udc00\"}", Some(r#"{"memo":"\ud800\ud800\udc00"}"#)),
        (b"{\"memo\":\"\\ud83d\xff\"}", Some(r#"{"memo":"\ud83d\ud800\ud800"}"#)),
        // Nothing that can be read: between texts, behind an escape, in something that is no JSON.
        (b"{\xff\"memo\":\"a\"}", None),
        (b"{\"memo\":1\xff}", None),
        (b"{\"memo\":\"a\\\xff\"}", None),
        (b"{\"memo\":\"\\u00\xff\"}", None),
        (b"\xff", None),
    ];
    for (body, expected) in cases {
        let found = mended(body);
        assert_eq!(found.as_deref(), expected, "{}", body.escape_ascii());
        let Some(found) = found else { continue };
        let members: Members<'_> = parse(found.as_bytes()).unwrap();
        for (name, value) in &members.0 {
            let text: Lenient<Text<'_>> = parse(value.get().as_bytes()).unwrap();
            assert_eq!(text.text(), None, "{name} of {}", body.escape_ascii());
        }
    }
}

/// A missing member's name is ours, however the platform's own texts look.
#[test]
fn a_value_that_looks_like_an_error_is_no_name() {
    let body = r#"{"token":"t","inner":{"amount":1,"count":"missing field `secret`"}}"#;
    assert_eq!(read(body).map(|_| ()), Err(Malformed::field("inner.count", "has a value of the wrong type")));
}

#[test]
fn a_member_given_twice_is_refused_where_it_has_a_meaning() {
    let twice = |path| Err(Malformed::field(path, "is given twice"));
    assert_eq!(read(r#"{"token":"a","token":"b"}"#).map(|_| ()), twice("token"));
    assert_eq!(read(r#"{"token":"a","inner":{"count":1,"count":2}}"#).map(|_| ()), twice("inner.count"));
    assert!(read(r#"{"token":"a","zz":1,"zz":2}"#).is_ok());
}

/// What is ignored is skipped without recursion, so that no depth can use up the stack.
#[test]
fn depth_costs_no_stack() {
    for name in ["memo", "zz"] {
        let body = format!(r#"{{"token":"t","{name}":{}1{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(read(&body).unwrap().token.trimmed(), "t", "{name}");
    }
}

proptest! {
    #[test]
    fn every_amount_survives(minor: i64, code in prop::sample::select(vec!["JPY", "USD", "KWD", "CLF"]), as_text: bool) {
        let money = Money::from_minor(minor, Currency::from_alpha(code).unwrap());
        let number = money.decimal().to_string();
        let json = if as_text { format!("\"{number}\"") } else { number };
        let body = format!(r#"{{"amount":{json},"count":1}}"#);
        let inner: Inner<'_> = parse(body.as_bytes()).unwrap();
        prop_assert_eq!(inner.amount.money(money.currency()), Ok(money));
    }

    #[test]
    fn no_bytes_panic_and_no_error_repeats_them(body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(malformed) = parse::<Outer<'_>>(&body) {
            prop_assert!(["", "token"].contains(&malformed.path.as_str()), "{}", malformed);
        }
    }

    #[test]
    fn every_text_comes_through(text in "\\PC*") {
        let body = serde_json::json!({ "token": text }).to_string();
        prop_assert_eq!(&*read(&body).unwrap().token.0, text.as_str());
    }
}

#[test]
fn what_stands_for_no_moment_is_none() {
    let noon = moment("2026-11-29T12:00:00Z");
    assert!(noon.is_some() && moment("2026-11-29T17:30:00+05:30") == noon && moment("2026-11-29T12:00:00-00:00") == noon);
    assert!(
        moment("2026-11-29T12:00:00+24:00").is_none() && moment("2026-11-29T12:00:00-25:00").is_none(),
        "no offset has a day"
    );
    assert!(moment("0001-01-01T00:00:00Z").is_none() && day("0001-01-01T00:00:00Z").is_none() && day("0001-01-01").is_none());
    assert_eq!((moment("1970-01-01T00:00:00Z"), day("1970-01-02")), (Some(Timestamp::EPOCH), Some(1)));
}

#[test]
fn a_list_is_no_object_at_any_depth() {
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Outer<'a> {
        #[serde(borrow)]
        inner: Inner<'a>,
        #[serde(borrow, default)]
        perhaps: Option<Inner<'a>>,
        #[serde(borrow, default)]
        all: Vec<Inner<'a>>,
        #[serde(borrow, default)]
        wrapped: Option<Wrapped<'a>>,
    }
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Wrapped<'a>(#[serde(borrow)] Inner<'a>);
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Inner<'a> {
        #[serde(borrow)]
        amount: Amount<'a>,
    }
    let read = |body: &str| parse::<Outer<'_>>(body.as_bytes()).map(drop).map_err(|why| why.to_string());
    assert_eq!(read(r#"{"inner":{"amount":1},"perhaps":{"amount":2},"all":[{"amount":3}],"wrapped":{"amount":4}}"#), Ok(()));
    assert_eq!(read(r#"{"inner":{"amount":1},"perhaps":null}"#), Ok(()));
    for (body, path) in [
        (r#"[{"amount":1},null,[]]"#, ""),
        (r#"{"inner":[1]}"#, "inner"),
        (r#"{"inner":{"amount":1},"perhaps":[2]}"#, "perhaps"),
        (r#"{"inner":{"amount":1},"all":[[3]]}"#, "all[0]"),
        (r#"{"inner":{"amount":1},"wrapped":[4]}"#, "wrapped"),
    ] {
        assert_eq!(read(body), Err(Malformed::field(path, WRONG_TYPE).to_string()), "{body}");
    }
}
