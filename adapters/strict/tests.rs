//! Bodies that are read strictly: what is no JSON, what comes twice, and where card numbers are found.

use serde_json::json;

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
    for parts in [
        r#"["pan", "4111", "1111", "1111", "1111"]"#,
        r#"["4111-", "1111-", "1111-", "1111"]"#,
        r#"["4111", "1111", ["1111", "1111"]]"#,
        r#"[["4111"], [["1111"], 1111], "1111", true]"#,
        r#"[null, "pay", "4111 1111", "1111 1111", {"b": 1}]"#,
        r#"["4", 1, "1", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"#,
    ] {
        assert_eq!(error_of(&format!(r#"{{"tags": {{"a": {parts}}}}}"#)), "`tags.a` has a card number in it", "{parts}");
    }
    for parts in [
        r#"["4111", "1111", null, "1111", "1111"]"#,
        r#"["4111", "1111", {"a": 1}, "1111", "1111"]"#,
        r#"["2026-11-27", "18:26:10", [1001, 1002, 1003, 1004]]"#,
    ] {
        assert_eq!(error_of(&format!(r#"{{"a": {parts}}}"#)), "", "{parts}");
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
        assert!(told.ends_with(", which is never taken") && !told.contains("123"), "{body}: {told}");
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
fn a_code_is_known_by_whatever_people_call_it() {
    for name in [
        "cvv",
        "CVV",
        "CvV",
        "c-v-v",
        "cvv2",
        "ccv",
        "cv2",
        "cvd",
        "cvd_value",
        "cvvNumber",
        "CVVNumber",
        "cvv_number",
        "cvvValue",
        "csc_value",
        "csc",
        "cc_cvv",
        "creditCardCvv",
        "credit_card_security_code",
        "security_code_value",
        "cvvc",
        "cvc3",
        "icvv",
        "dcvv2",
        "cvv/cvc",
        "CAV2",
        "my cvc please",
        "cardcvc",
        "ccCSC",
        "cvn",
        "ＣＶＶ",
        "ｃｖｃ２",
        "the_customers_cvv_as_typed_in_the_form_of_the_shop_on_its_page",
        "pin",
        "pin_data",
        "PINBlock",
        "card_pin",
        "track1",
        "track2",
        "track_2",
        "track2Data",
        "trackData",
        "magstripe",
        "track2_equivalent_data",
        "cavv",
        "CAVV",
        "cavv_value",
        "cardholder_authentication",
        "ucaf",
        "aav",
        "authenticationValue",
    ] {
        let body = json!({ "metadata": { "note": { name: "xyz" } } }).to_string();
        let told = error_of(&body);
        assert!(told.starts_with(&format!("`metadata.note.{name}` is a")) && !told.contains("xyz"), "{name}: {told}");
    }
    for (named, path) in [
        (json!({"name": "cvv", "value": "737"}), "metadata.a.value"),
        (json!({"id": "shipping", "key": "cvvNumber", "val": 737}), "metadata.a.val"),
        (json!([{"label": "x"}, {"Label": "Security Code", "Data": "737"}]), "metadata.a[1].Data"),
        (json!(["cvv", "737"]), "metadata.a"),
        (json!(["x", "cvc2", 737]), "metadata.a"),
        (json!({"card": {"verification": "737"}}), "metadata.a.card.verification"),
        (json!({"creditCard": {"code": " 7 3 7"}}), "metadata.a.creditCard.code"),
        (json!({"security": {"code": "x"}}), "metadata.a.security.code"),
        (json!({"cvv_result": "737"}), "metadata.a.cvv_result"),
        (
            json!({"three_d_secure": {"cardholder_authentication": "BwABBJQ1AgAAAAAgJDUCAAAAAAA="}}),
            "metadata.a.three_d_secure.cardholder_authentication",
        ),
        (json!({"cavv_result_code": "BwABBJQ1AgAAAAAgJDUCAAAAAAA="}), "metadata.a.cavv_result_code"),
    ] {
        let told = error_of(&json!({ "metadata": { "a": named } }).to_string());
        assert!(told.starts_with(&format!("`{path}` is a")) && !told.contains("737"), "{named}: {told}");
    }
}

#[test]
fn everyday_names_are_no_codes() {
    let everyday = r#"{
        "cvv_result": "M", "cvv_check": "pass", "cvcCheck": "unavailable", "cvv_response_code": "M", "cvv_present": true, "cvv_attempts": 2,
        "security_code_verification": "MATCHED", "card_holder_verification_code": "M", "cavv_result": "2", "cardholder_verification_method": "none",
        "verification_code": "428113", "address_verification_code": "123", "pincode": "110001", "pin_entry_mode": "keyed",
        "pin_verified": "yes", "shipping": "1234", "shopping_cart": 1234, "pinboard": "1234", "spin": "123", "tracking_number": "1234",
        "track": "12", "track_id": "123", "soundtrack2": "x", "racetrack1": "x", "acc_value": "123", "cc_verified": "123", "csv": "123",
        "cvs_store": "123", "discount_code": "123", "postal_code": "1234", "country_code": "123", "auth_code": "1234", "accident": "123",
        "security": "high", "security_level": "123", "social_security": "x", "verification": "done", "company_cid": "customer-1",
        "cafe": "1", "educafe": "123", "merchant_data": "123", "magstripe_fallback": false, "stripe_data": "x", "vaccination": "1234",
        "gift_card": {"code": "x-1234-5"}, "card": {"brand": "visa", "last": "1234", "verification": "MATCHED"}, "pvc_vcard": "1",
        "a": [{"name": "PIN badge", "quantity": 2, "unit_cost": "9.99"}, {"name": "code", "value": "123"}, ["pin", "x"], ["size", "123"]],
        "items": [{"name": "Pin", "unit_cost": "1.23", "description": "for CVV fans"}]
    }"#;
    let everyday: Map<String, Value> = serde_json::from_str(everyday).unwrap();
    for (name, value) in &everyday {
        assert_eq!(error_of(&json!({ "metadata": { name: value } }).to_string()), "", "{name}");
    }
    let result = json!({"cardholder_authentication": "BwABBJQ1AgAAAAAgJDUCAAAAAAA="});
    for place in ["three_d_secure", "3d_secure_authentication"] {
        assert_eq!(error_of(&json!({ place: result }).to_string()), "", "{place}");
    }
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
