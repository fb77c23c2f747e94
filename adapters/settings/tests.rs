//! Settings by type, and by every type that is another.

use super::*;

fn settings() -> Settings {
    let table = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let values = [
        ("text", SettingValue::Text("word".to_owned())),
        ("integer", SettingValue::Integer(7)),
        ("on", SettingValue::Switch(true)),
        ("table", SettingValue::Table(table)),
    ];
    Settings { currency: Currency::USD, values: values.map(|(key, value)| (key.to_owned(), value)).into() }
}

fn keys(errors: &[SettingError]) -> Vec<&str> {
    errors.iter().map(|error| error.key.as_str()).collect()
}

#[test]
fn a_value_of_its_type_or_the_default() {
    let (settings, mut errors) = (settings(), Vec::new());
    assert!(settings.switch("on", false, &mut errors));
    assert!(settings.switch("absent", true, &mut errors) && !settings.switch("absent", false, &mut errors));
    assert_eq!(settings.text("text", "default", &mut errors), "word");
    assert_eq!(settings.text("absent", "default", &mut errors), "default");
    assert_eq!(settings.table("table", &mut errors).get("a").map(String::as_str), Some("b"));
    assert!(settings.table("absent", &mut errors).is_empty());
    assert_eq!(errors, []);
}

#[test]
fn a_value_of_another_type_is_named_and_the_default_stands() {
    let (settings, mut errors) = (settings(), Vec::new());
    for key in ["text", "integer", "table"] {
        assert!(settings.switch(key, true, &mut errors) && !settings.switch(key, false, &mut errors));
    }
    assert_eq!(keys(&errors), ["text", "text", "integer", "integer", "table", "table"]);
    errors.clear();
    for key in ["integer", "on", "table"] {
        assert_eq!(settings.text(key, "default", &mut errors), "default");
    }
    assert_eq!(keys(&errors), ["integer", "on", "table"]);
    errors.clear();
    for key in ["text", "integer", "on"] {
        assert!(settings.table(key, &mut errors).is_empty());
    }
    assert_eq!(keys(&errors), ["text", "integer", "on"]);
    assert_eq!(errors[0].to_string(), "`text` must be a table of texts");
}

#[test]
fn every_unknown_key_is_named_with_the_known_ones() {
    let mut errors = Vec::new();
    settings().refuse_unknown(&["text", "on"], &mut errors);
    assert_eq!(keys(&errors), ["integer", "table"]);
    assert_eq!(errors[0].to_string(), "`integer` is unknown; the settings are text, on");

    errors.clear();
    settings().refuse_unknown(&[], &mut errors);
    assert_eq!(errors.len(), 4);
    assert_eq!(errors[0].to_string(), "`integer` is unknown: this platform has no settings");

    errors.clear();
    Settings::defaults(Currency::USD).refuse_unknown(&[], &mut errors);
    assert_eq!(errors, []);
}
