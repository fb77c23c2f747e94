//! Bodies that are read strictly: what is no JSON, what comes twice, and where card numbers are found.

use super::*;

fn error_of(body: &str) -> String {
    document(body.as_bytes()).map(|_| String::new()).unwrap_or_else(|malformed| malformed.to_string())
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let commented = "{\n  \"total_amount\": \"190.00\" //included in the transaction amount\n}";
    assert_eq!(error_of(commented), "the body is not JSON from line 2, column 28 on");
    assert_eq!(error_of("[]"), "the body is not a JSON object");
    assert_eq!(error_of(""), "the body is not JSON from line 1, column 0 on");
}

#[test]
fn a_number_that_is_too_large_is_told_so_with_its_limit() {
    let told = |number: &str| {
        let members = document(format!("{{\"amount\": {number}}}").as_bytes()).unwrap();
        let read = Fields::of(&members, "").whole("amount", 0);
        read.map(|number| number.unwrap_or_default().to_string()).unwrap_or_else(|malformed| malformed.to_string())
    };
    let (most, more) = ("9223372036854775807", "`amount` is more than 9223372036854775807");
    assert_eq!(told(most), most);
    for number in ["9223372036854775808", "18446744073709551615", "18446744073709551616", "1e30"] {
        assert_eq!(told(number), more, "{number}");
    }
    assert_eq!(told("1.5"), "`amount` is not a whole number");
    assert_eq!(error_of(r#"{"metadata": {"a": [1, 1e400]}}"#), "`metadata.a[1]` is a number that is too large");
    assert_eq!(error_of("1e400"), "the body is a number that is too large");
    assert_eq!(error_of(r#"{"4111111111111111": -1e400}"#), "the body has a card number in a field's name");
    assert_eq!(told("-1"), "`amount` is negative");
}

#[test]
fn a_card_number_is_refused_wherever_it_stands_and_never_repeated() {
    for (body, path) in [
        (r#"{"a": "4111111111111111"}"#, "`a` has"),
        (r#"{"a": {"b": ["x", "pay 4111 1111 1111 1111 now"]}}"#, "`a.b[1]` has"),
        (r#"{"a": 4111111111111111}"#, "`a` has"),
        // The shortest there is, and the path of lists within lists.
        (r#"{"a": [0, [{"b": {"c": 4222222222222}}]]}"#, "`a[1][0].b.c` has"),
        (r#"{"a": 4111111111111111.0}"#, "`a` has"),
        (r#"{"a": {"4111-1111-1111-1111": 1}}"#, "`a` has"),
        (r#"{"a": "4:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1"}"#, "`a` has"),
        (r#"{"a": "٤١١١١١١١١١١١١١١١"}"#, "`a` has"),
    ] {
        let told = error_of(body);
        assert!(told.starts_with(path) && !told.contains("1111"), "{body}: {told}");
    }
    for parts in [r#"["4111", "1111", " 1111", "1111"]"#, "[4111, 1111, 1111, 1111]", r#"["41", 1, 1, "111111111111"]"#] {
        assert_eq!(error_of(&format!(r#"{{"tags": {{"a": {parts}}}}}"#)), "`tags.a` has a card number in it");
    }
    assert_eq!(error_of("[20261127, 182610]"), "the body is not a JSON object");
    assert_eq!(error_of(r#"{"a": ["4111", "1111", "1111", "1112"], "b": [27, 11, 2026, 18, 26, 10], "c": [1, 2, 3, 4]}"#), "");
    // A number may be in a path, and in no name of it.
    let nested = r#"{"4111": {"1111": {"1111": {"1111": "4111111111111111"}}}}"#;
    assert_eq!(error_of(nested), "the body has a card number in it");
    assert_eq!(error_of(r#"{"at": "20260314150926", "ms": 1773500966123, "plain": "4111111111111112"}"#), "");
}

#[test]
fn a_security_code_is_refused_by_its_name() {
    for body in [
        r#"{"data": {"cvv": "123"}}"#,
        r#"{"data": {"Security-Code": 123}}"#,
        r#"{"data": {"card_verification_value": ""}}"#,
        r#"{"card_cvv": "123"}"#,
        r#"{"cvv_code": 123}"#,
        r#"{"cvvCode": 123}"#,
        r#"{"cid": "1234"}"#,
        r#"{"pin": "1234"}"#,
        r#"{"CardSecurityCode": "123"}"#,
    ] {
        let told = error_of(body);
        assert!(told.ends_with("is a card's security code, which is never taken") && !told.contains("123"), "{body}: {told}");
    }
    assert_eq!(
        error_of(
            r#"{"cvv": null, "security_code_verification": "MATCHED", "code": "123",
        "cid": "customer-1", "pincode": "110001", "security": "high", "verification": "done"}"#
        ),
        ""
    );
}

#[test]
fn a_number_is_taken_from_its_field_and_from_no_other() {
    let taken = |body: &str| {
        let read = document_and_number(body.as_bytes(), "data", "card_number");
        let told = |(members, number): (Map<String, Value>, Option<CardNumber>)| {
            (Value::Object(members).to_string(), number.map(|number| String::from_utf8(number.digits().to_vec()).unwrap()))
        };
        read.map(told).map_err(|malformed| malformed.to_string())
    };
    let sound = r#"{"data":{"card_number":"4111111111111111","cvv":"123","note":"x"}}"#;
    assert_eq!(taken(sound), Ok((r#"{"data":{"note":"x"}}"#.to_owned(), Some("4111111111111111".to_owned()))));
    assert_eq!(taken(r#"{"data":{}}"#), Ok((r#"{"data":{}}"#.to_owned(), None)));
    for (body, told) in [
        (r#"{"data":{"card_number":"4111111111111112"}}"#, "`data.card_number` is no card number"),
        (r#"{"data":{"card_number":4111111111111111}}"#, "`data.card_number` is not a text"),
        (r#"{"data":{"note":"4111 1111 1111 1111"}}"#, "`data.note` has a card number in it"),
        (r#"{"card_number":"4111111111111111"}"#, "`card_number` has a card number in it"),
        (r#"{"cvv":"123"}"#, "`cvv` is a card's security code, which is never taken"),
    ] {
        assert_eq!(taken(body), Err(told.to_owned()), "{body}");
    }
}

#[test]
fn a_number_is_refused_in_paths_queries_and_headers() {
    let told = |segment: &str, query: &str, header: Option<(&'static str, &'static str)>| {
        let headers = header.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let callback = Callback { route: 0, segment, query, headers: &headers, body: b"" };
        no_number_around(&callback).map_err(|malformed| malformed.path)
    };
    let at = |path: &str| Err(path.to_owned());
    assert_eq!(told("4111111111111111", "", None), at("path"));
    assert_eq!(told("%34111111111111111", "", None), at("path"));
    assert_eq!(told("", "source=4111%201111%201111%201111", None), at("source"));
    assert_eq!(told("", "limit=1&source=4111+1111+1111+1111", None), at("source"));
    assert_eq!(told("", "4111111111111111=x", None), at("query"));
    assert_eq!(told("", "", Some(("x-request-id", "4111-1111-1111-1111"))), at("x-request-id"));
    assert_eq!(told("", "", Some(("4111111111111111", "x"))), at("headers"));
    assert_eq!(told("AU123", "created_at.gte=2026-03-14T15:09:26Z", Some(("x-sent", "1773500966123"))), Ok(()));
}

#[test]
fn no_depth_is_too_much() {
    let deep = format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60));
    assert!(error_of(&deep).contains("is nested too deep"), "{}", error_of(&deep));
    let deeper = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    assert!(error_of(&deeper).starts_with("the body is not JSON"), "{}", error_of(&deeper));
}
