//! Merchants' names in policies: shown, kept apart, erased, and decided by all the same.

use serde_json::{Value, json};

use crate::spend::{Caller, id};
use crate::support::Workplace;
use crate::support::server::Server;

const NAME: &str = "Ada Lovelace Books";

struct Reader {
    owner: Caller,
    processor: Caller,
    policy: String,
    binding: String,
}

impl Reader {
    fn new(server: &Server) -> Self {
        let (mut owner, processor) = (Caller::demo(server, "enterprise"), Caller::demo(server, "processor"));
        let lock = json!({"template": "merchant_lock", "parameters": {"merchants": [NAME]}});
        let new = json!({"agent_id": "ag_demo", "mode": "enforce", "policy": lock});
        let authority = owner.made("/v1/spending-authorities", &new);
        let policy = authority["policy_id"].as_str().unwrap().to_owned();
        let binding = json!({"spending_authority_id": id(&authority), "issuing_platform": "MARQETA",
            "instrument_kind": "instrument", "instrument_id": "wallet-1"});
        let binding = id(&owner.made("/v1/bindings", &binding));
        Reader { owner, processor, policy, binding }
    }

    fn again(self, server: &Server) -> Self {
        Reader { owner: self.owner.again(server), processor: self.processor.again(server), ..self }
    }

    fn policy(&mut self) -> Value {
        self.owner.get(&format!("/v1/policies/{}", self.policy)).json()
    }

    /// What the policy, its versions and the trail show in the place of the name.
    fn shown(&mut self) -> [Value; 3] {
        let versions = self.owner.get(&format!("/v1/policies/{}/versions", self.policy)).json();
        let trail = self.owner.get(&format!("/v1/audit?id={}", self.policy)).json();
        let bodies = [&self.policy(), &versions["items"][0], &trail["items"][0]["after"]];
        bodies.map(|body| {
            assert_eq!(body["policy"]["parameters"].as_object().map(serde_json::Map::len), Some(1), "{body}");
            body["policy"]["parameters"]["merchants"].clone()
        })
    }

    fn decides(&mut self) {
        for (merchant, reason) in [("ADA LOVELACE*BOOKS", "POLICY_MATCH"), ("Ada", "POLICY_VIOLATION_MERCHANT")] {
            let asked = json!({"binding_id": self.binding, "issuing_platform": "MARQETA", "amount": 5_000, "currency": "USD",
                "merchant": merchant});
            assert_eq!(self.processor.made("/v1/authorize", &asked)["reason_code"], json!(reason));
        }
    }
}

fn is_in_the_files(workplace: &Workplace) -> bool {
    let files = std::fs::read_dir(workplace.data()).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let files: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
    files.iter().any(|bytes| bytes.windows(NAME.len()).any(|window| window == NAME.as_bytes()))
}

/// The store as a program left it that kept names in policies.
fn with_names_in_clear(workplace: &Workplace, policy: &str) {
    let store = rusqlite::Connection::open(workplace.data().join("agents.sqlite")).unwrap();
    let old = json!({"parameters": {"merchants": [NAME]}, "template": "merchant_lock"}).to_string();
    for (table, body) in [("object", "body"), ("deed", "after")] {
        let sql = format!("UPDATE {table} SET {body} = json_set({body}, '$.policy', json(?1)) WHERE id IN (?2, ?2 || '@1')");
        assert_eq!(store.execute(&sql, [&old, policy]).unwrap(), 2, "{table}");
    }
    store.execute_batch("DELETE FROM text; PRAGMA user_version = 1").unwrap();
}

#[test]
fn a_policy_shows_its_merchants_until_they_are_erased_and_decides_as_before() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut reader = Reader::new(&server);
    let name = json!([NAME]);
    reader.decides();
    assert_eq!(reader.shown(), [name.clone(), name.clone(), name.clone()]);
    assert!(server.terminate().success());
    assert!(!is_in_the_files(&workplace));

    with_names_in_clear(&workplace, &reader.policy);
    assert!(is_in_the_files(&workplace));
    let server = workplace.serve();
    let mut reader = reader.again(&server);
    reader.decides();
    assert_eq!(reader.shown(), [name.clone(), name.clone(), name.clone()]);
    let policy = reader.policy();
    assert_eq!((&policy["version"], &policy["policy_version"]), (&json!(1), &json!(1)), "it is what it was");
    assert!(!is_in_the_files(&workplace), "an older store loses its names at the next start");

    let data = workplace.data();
    let erased = workplace.run(&["erase", "--organization", "ent_demo", "--data", data.to_str().unwrap()]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    let nobody = json!([null]);
    assert_eq!(reader.shown(), [nobody.clone(), nobody.clone(), nobody]);
    reader.decides();
    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut reader = reader.again(&server);
    reader.decides();

    // Written again it is readable again, and no other policy.
    let same =
        json!({"version": 1, "policy": {"template": "merchant_lock", "parameters": {"merchants": ["ADA lovelace BOOKS"]}}});
    let path = format!("/v1/policies/{}", reader.policy);
    let changed = reader.owner.ask("PATCH", &path, &[], &same).json();
    assert_eq!((&changed["policy_version"], &changed["version"]), (&json!(1), &json!(2)), "{changed}");
    assert_eq!(changed["policy"]["parameters"]["merchants"], json!(["ADA lovelace BOOKS"]));
    reader.decides();
}
