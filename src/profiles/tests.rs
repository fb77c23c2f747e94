//! What profiles promise: durable before they are seen, sealed where there is a key, and read with every error at once.

use std::path::Path;

use holdfast_core::Currency;

use super::*;
use crate::fixture::program;
use crate::seal::Sealer;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

const FILE: &str = r#"
[[merchant]]
id = "merchant-1"
name = "Corner Books"
address = ["12 Main Street", "Springfield, IL 62701"]
phone = "217-555-0100"
mcc = "5942"
country = "USA"
time_zone = "America/New_York"
application = "APdemo"
surcharges = "prohibited"
amount_max = "500.00"
day_count_max = 20

[[instrument]]
card = "PI-1"
brand = "visa"
last_four = "1111"
address_verification = "POSTAL_CODE_MATCH"
security_code_verification = "MATCHED"
cardholder = "user-1"
"#;

/// A merchant without limits.
pub fn merchant() -> Merchant {
    Merchant {
        id: "merchant-1".parse().unwrap(),
        name: "Corner Books".to_owned(),
        address: vec!["12 Main Street".to_owned()],
        phone: None,
        mcc: 5942,
        country: "USA".to_owned(),
        time_zone: "America/New_York".to_owned(),
        application: None,
        standing: MerchantStanding::Enabled,
        surcharges: Surcharges::Allowed,
        limits: MerchantLimits::default(),
        network_tokenization: NetworkTokenization::Off,
    }
}

fn profiles(directory: &Path, sealer: Sealer) -> Result<Profiles, StoreError> {
    Store::open(directory, sealer).and_then(|store| Profiles::open(store, None))
}

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

#[test]
fn a_damaged_file_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("profiles.sqlite"), [7; 4_096]).unwrap();
    let refused = profiles(directory.path(), Sealer::default()).unwrap_err().to_string();
    assert!(refused.contains("is damaged") && refused.contains("`holdfast restore`"), "{refused}");
}

#[test]
fn a_file_of_a_newer_version_is_refused_as_that() {
    let directory = tempfile::tempdir().unwrap();
    // Made with the first that is put.
    let read = file::read("profiles.toml", FILE, Currency::USD).unwrap();
    profiles(directory.path(), Sealer::default()).unwrap().put(program(), &read, NOW).unwrap();
    let file = directory.path().join("profiles.sqlite");
    rusqlite::Connection::open(file).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let refused = profiles(directory.path(), Sealer::default()).unwrap_err().to_string();
    assert!(refused.contains("was written by a newer Holdfast (format 99, this one reads up to 1)"), "{refused}");
}

#[test]
fn a_change_that_was_not_kept_is_made_when_it_is_sent_again_and_one_that_was_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let open = || profiles(directory.path(), Sealer::default()).unwrap();
    let named = |name: &str| Profile::Merchant(Merchant { name: name.to_owned(), ..merchant() });
    let at = |second| Timestamp::from_unix_seconds(second);
    let name = |known: &Profiles| known.merchant(program(), merchant().id).unwrap().name.clone();
    let known = open();
    known.put(program(), &[named("first")], at(1)).unwrap();
    // The second was taken down, and never kept.
    known.put_again(program(), named("second"), at(2)).unwrap();
    assert_eq!(name(&known), "second");
    known.put(program(), &[named("third")], at(3)).unwrap();
    for known in [known, open()] {
        known.put_again(program(), named("second"), at(2)).unwrap();
        known.put_again(program(), named("third, sent again"), at(3)).unwrap();
        assert_eq!(name(&known), "third");
    }
    // An older version did not say when: what is there stays.
    let connection = rusqlite::Connection::open(directory.path().join(store::FILE)).unwrap();
    connection.execute("UPDATE profile SET body = CAST(json_remove(CAST(body AS TEXT), '$.put_at') AS BLOB)", []).unwrap();
    let known = open();
    known.put_again(program(), named("fourth"), at(4)).unwrap();
    assert_eq!(name(&known), "third");
}

#[test]
fn what_is_put_is_seen_at_once_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let sealer = Sealer::with_key(KEY).unwrap();
    let read = file::read("profiles.toml", FILE, Currency::USD).unwrap();
    let known = profiles(directory.path(), sealer.clone()).unwrap();
    assert!(!known.has_any(program()));
    known.put(program(), &read, NOW).unwrap();
    drop(known);
    let known = profiles(directory.path(), sealer).unwrap();
    let merchant = known.merchant(program(), "merchant-1".parse().unwrap()).unwrap();
    assert_eq!((merchant.name.as_str(), merchant.mcc, merchant.surcharges), ("Corner Books", 5942, Surcharges::Prohibited));
    assert_eq!((merchant.limits.amount_max, merchant.limits.day_count_max), (Some(50_000), Some(20)));
    let card = known.instrument(program(), "PI-1".parse().unwrap()).unwrap();
    assert_eq!((card.brand, card.last_four.as_deref()), (CardBrand::Visa, Some("1111")));
    assert!(known.merchant(ProgramId::new("other").unwrap(), merchant.id).is_none(), "another program's is nobody's");
    assert_eq!(known.merchants(program(), None, 10).len(), 1);
    assert!(known.merchants(program(), Some("merchant-1"), 10).is_empty());
}

#[test]
fn names_are_on_the_disk_only_without_a_key() {
    for (key, found) in [(None, true), (Some(KEY), false)] {
        let directory = tempfile::tempdir().unwrap();
        let sealer = key.map_or_else(Sealer::default, |key| Sealer::with_key(key).unwrap());
        profiles(directory.path(), sealer).unwrap().put(program(), &[Profile::Merchant(merchant())], NOW).unwrap();
        let kept: Vec<u8> = std::fs::read_dir(directory.path())
            .unwrap()
            .flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert_eq!(kept.windows(12).any(|part| part == b"Corner Books"), found, "{key:?}");
        if key.is_some() {
            let refused = profiles(directory.path(), Sealer::default()).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refused.contains("merchant merchant-1 cannot be read"), "{refused}");
        }
    }
}

#[test]
fn every_error_is_told_with_its_place_and_no_value() {
    let wrong = r#"
[[merchant]]
id = "4111111111111111"
name = "call 4111 1111 1111 1111"
mcc = "57"
country = "Utopia"
time_zone = "Mars/Olympus"
surcharges = "sometimes"
day_amount_max = "-1"
colour = "red"
month_amount_max = "1e3"
[[instrument]]
card = "c"
brand = "monopoly"
last_four = "41111"
address_verification = "YES"
[[instrument]]
card = "c"
brand = "visa"
last_four = "1111"
"#;
    let told = file::read("p.toml", wrong, Currency::USD).unwrap_err().to_string();
    assert!(!told.contains("4111"), "{told}");
    for place in [
        "3:6: merchant[0].id: has a card number in it",
        "4:8: merchant[0].name: has a card number in it",
        "5:7: merchant[0].mcc: must be a category",
        "6:11: merchant[0].country: must be a code of ISO 3166-1",
        "7:13: merchant[0].time_zone: must be a name of the IANA database",
        "8:14: merchant[0].surcharges: must be allowed or prohibited",
        "9:18: merchant[0].day_amount_max: must be more than nothing",
        "merchant[0].colour: is not a key of this table",
        "11:20: merchant[0].month_amount_max: is not a decimal number",
        "14:9: instrument[0].brand: is none of visa, mastercard",
        "15:13: instrument[0].last_four: must be four digits",
        "16:24: instrument[0].address_verification: is none of",
        "18:8: instrument[1].card: is there twice",
    ] {
        assert!(told.contains(place), "{place} is not in\n{told}");
    }
}

#[test]
fn profiles_that_are_lost_are_not_begun_anew_unnoticed() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open(directory.path(), Sealer::default()).map_err(|error| error.to_string());
    drop(open().unwrap());
    drop(open().unwrap());
    let [file, begun] = ["profiles.sqlite", "profiles.begun"].map(|name| directory.path().join(name));
    assert!(!file.exists() && !begun.exists(), "nothing was kept, and nothing can be lost");
    open().unwrap().begin().put(&[]).unwrap();
    drop(open().unwrap());
    for lose in [|file: &Path| std::fs::remove_file(file), |file: &Path| std::fs::write(file, "")] {
        lose(&file).unwrap();
        let told = open().unwrap_err();
        for part in
            ["profiles.sqlite: is missing or empty, and this data directory had one", "`holdfast restore`", "profiles.begun"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    // Somebody has looked at it.
    std::fs::remove_file(&begun).unwrap();
    drop(open().unwrap());
    assert!(begun.exists(), "a store of an older version is known from its next start on");
}

#[test]
fn a_number_leads_to_one_card_and_its_token_stands_beside_no_digits() {
    let directory = tempfile::tempdir().unwrap();
    let open = || profiles(directory.path(), Sealer::default()).unwrap();
    let token = |byte: &str| byte.repeat(32);
    let instrument = |card: &str, rest: &str| {
        let text = format!("[[instrument]]\ncard = \"{card}\"\nbrand = \"visa\"\n{rest}\n");
        file::read("p.toml", &text, Currency::USD).map_err(|errors| errors.to_string())
    };
    let by = |byte: &str| format!("number_token = \"{}\"", token(byte));
    let profiles = open();
    profiles.put(program(), &instrument("one", &by("a1")).unwrap(), NOW).unwrap();
    let refused = profiles.put(program(), &instrument("two", &by("a1")).unwrap(), NOW).unwrap_err();
    assert_eq!(refused.to_string(), "the `number_token` of card two is card one's: take it from that one first");
    assert!(profiles.instrument(program(), "two".parse().unwrap()).is_none());
    let found = |profiles: &Profiles, byte: &str| profiles.card_by_number(program(), token(byte).parse().unwrap());
    assert_eq!(found(&profiles, "a1"), Some("one".parse().unwrap()));
    profiles.put(program(), &instrument("one", &by("b2")).unwrap(), NOW).unwrap();
    profiles.put(program(), &instrument("two", &by("a1")).unwrap(), NOW).unwrap();
    for profiles in [profiles, open()] {
        assert_eq!(found(&profiles, "a1"), Some("two".parse().unwrap()));
        assert_eq!(found(&profiles, "b2"), Some("one".parse().unwrap()));
        assert_eq!(found(&profiles, "c3"), None);
    }
    let both = instrument("one", &format!("last_four = \"1111\"\n{}", by("a1"))).unwrap_err();
    assert!(both.contains("not kept beside its digits"), "{both}");
    assert!(instrument("one", "").unwrap_err().contains("neither `last_four` nor `number_token`"));
    assert!(instrument("one", "number_token = \"4111111111111111\"").unwrap_err().contains("64 lower-case hexadecimal digits"));
}
