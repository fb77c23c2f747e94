//! Templates read, written back and refused.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

/// Two zones are enough here.
pub fn zones(name: &str) -> Option<Arc<Zone>> {
    match name {
        "UTC" => Some(Arc::new(Zone::utc())),
        "America/New_York" | "Europe/Berlin" | "Etc/GMT+5" | "Etc/GMT-5" => Zone::new(name, -18_000, &[]).ok().map(Arc::new),
        _ => None,
    }
}

pub fn read(value: &Value) -> Result<Template, Vec<FieldError>> {
    Template::read(value, &zones)
}

fn wrong(value: Value) -> Vec<String> {
    read(&value).unwrap_err().iter().map(ToString::to_string).collect()
}

fn template(name: &str, parameters: Value) -> Value {
    json!({ "template": name, "parameters": parameters })
}

#[test]
fn every_template_of_the_list_is_read_and_written_back() {
    for facts in TEMPLATES {
        let parameters: Value = serde_json::from_str(facts.example).unwrap();
        let read_first = read(&template(facts.name, parameters)).unwrap();
        assert_eq!(read_first.name(), facts.name);
        let again = Template::read_kept(&read_first.canonical(), &zones).unwrap();
        assert_eq!(read(&read_first.written()).unwrap(), read_first, "{}", facts.name);
        assert_eq!(again, read_first, "{}", facts.name);
        assert_eq!(again.canonical().to_string(), read_first.canonical().to_string());
    }
}

#[test]
fn a_schema_names_the_parameters_that_are_read() {
    for facts in TEMPLATES {
        let schema: Value = serde_json::from_str(facts.schema).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        let example: Value = serde_json::from_str(facts.example).unwrap();
        for name in example.as_object().unwrap().keys() {
            assert!(properties.contains_key(name), "{}.{name}", facts.name);
        }
        // A name that is not read is refused as no field; one that is, at most as a wrong value.
        for name in properties.keys() {
            let problems = wrong(template(facts.name, json!({ name.as_str(): {} })));
            let field = format!("`parameters.{name}` is not a field of this template");
            let depends = ["time_zone", "week_starts", "rolling_seconds"].contains(&name.as_str());
            assert!(depends || !problems.contains(&field), "{}.{name}: {problems:?}", facts.name);
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            let missing = format!("`parameters.{name}` is missing");
            assert!(wrong(template(facts.name, json!({}))).contains(&missing), "{}.{name}", facts.name);
        }
    }
}

#[test]
fn everything_that_is_wrong_is_named_by_its_path() {
    assert_eq!(wrong(json!(7)), ["`` must be an object"]);
    assert_eq!(wrong(json!({ "parameters": {} })), ["`template` is missing"]);
    assert_eq!(wrong(template("max", json!({}))), ["`template` is not a template; `GET /v1/policy-templates` lists them"]);
    assert_eq!(
        wrong(template("max_amount", json!({ "amount": -1, "currency": "XXX", "more": 1 }))),
        [
            "`parameters.amount` must be a whole number from 1 to 9223372036854775807",
            "`parameters.currency` is not a currency of ISO 4217, such as \"USD\"",
            "`parameters.more` is not a field of this template",
        ]
    );
    for amount in [json!(0), json!(1.5), json!("100"), json!(1e300), json!(9_223_372_036_854_775_808_u64), json!(null)] {
        assert_eq!(wrong(template("max_amount", json!({ "amount": amount, "currency": "USD" }))).len(), 1, "{amount}");
    }
    let inner =
        json!({ "policies": [template("one_time", json!({})), template("mcc_allowlist", json!({ "mccs": ["5411", "x", 5] }))] });
    let path = "parameters.policies[1].parameters.mccs";
    let problem =
        "is neither a merchant category (\"5411\"), nor a range (\"5811-5814\"), nor the name of a group (\"gambling\")";
    assert_eq!(wrong(template("all_of", inner)), [format!("`{path}[1]` {problem}"), format!("`{path}[2]` {problem}")]);
    assert_eq!(
        wrong(template("country", json!({ "allow": ["USA"], "deny": ["CAN"] }))),
        ["`parameters.allow` or `deny` must be there, and not both"]
    );
    assert_eq!(
        wrong(template("budget", json!({ "amount": 1, "currency": "USD", "window": "rolling", "rolling_seconds": 90 }))),
        ["`parameters.rolling_seconds` must be a multiple of 60"]
    );
    assert_eq!(
        wrong(template("time_of_day", json!({ "allow": [{ "from": "08:00", "to": "08:00" }], "time_zone": "Mars" }))),
        [
            "`parameters.time_zone` is not a time zone of the IANA database, such as \"America/New_York\"",
            "`parameters.allow[0].to` has a `to` equal to its `from`: no time at all; the whole day is \"00:00\" to \"24:00\"",
        ]
    );
}

#[test]
fn templates_lie_only_so_deep_in_each_other_and_are_only_so_many() {
    let mut deep = template("one_time", json!({}));
    for _ in 1..DEPTH_MAX {
        deep = template("all_of", json!({ "policies": [deep] }));
    }
    assert!(read(&deep).is_ok());
    assert_eq!(wrong(template("all_of", json!({ "policies": [deep] }))).len(), 1);
    let many = vec![template("max_amount", json!({ "amount": 1, "currency": "USD" })); TEMPLATES_MAX];
    assert_eq!(wrong(template("all_of", json!({ "policies": many }))).len(), 1);
    assert_eq!(wrong(template("any_of", json!({ "policies": [template("one_time", json!({}))] }))).len(), 1);
}

#[test]
fn the_canonical_form_does_not_change_under_its_hashes() {
    let written = json!({ "template": "all_of", "parameters": { "policies": [
        { "template": "budget", "parameters": { "window": "week", "currency": "usd", "amount": 5 } },
        { "template": "merchant_lock", "parameters": { "merchants": ["Store 1"], "merchant_ids": ["m1"] } },
        { "template": "country", "parameters": { "deny": ["us"] } },
        { "template": "one_time" },
    ] } });
    assert_eq!(
        read(&written).unwrap().canonical().to_string(),
        "{\"parameters\":{\"policies\":[\
         {\"parameters\":{\"amount\":5,\"currency\":\"USD\",\"time_zone\":\"UTC\",\"week_starts\":\"monday\",\"window\":\"week\"},\
         \"template\":\"budget\"},\
         {\"parameters\":{\"merchant_ids\":[\"m1\"],\"merchants\":[{\"digest\":\"125b74d47ea8e9377f74ba57ab38fcea\"}]},\"template\":\"merchant_lock\"},\
         {\"parameters\":{\"deny\":[\"USA\"]},\"template\":\"country\"},\
         {\"parameters\":{},\"template\":\"one_time\"}]},\"template\":\"all_of\"}"
    );
}
