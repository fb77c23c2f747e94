//! Organizations, people and keys: sign-up by mail, the way to production, keys that take each other's place, versions and archives.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::spend::{Caller, code, handed_over, id, modelled, organization_with_key};
use crate::support::server::Server;
use crate::support::{Client, Workplace};

/// A mail server that takes everything, and shows it.
struct Mailbox {
    address: SocketAddr,
    letters: Receiver<String>,
}

impl Mailbox {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (send, letters) = channel();
        std::thread::spawn(move || listener.incoming().for_each(|connection| take(&connection.unwrap(), &send)));
        Mailbox { address, letters }
    }

    /// The next letter, its lines put together again where the mail's encoding broke them.
    fn next(&self) -> String {
        let letter = self.letters.recv_timeout(Duration::from_secs(30)).expect("a letter within half a minute");
        letter.replace("=\r\n", "").replace("=3D", "=")
    }
}

fn take(connection: &TcpStream, letters: &Sender<String>) {
    let mut reader = BufReader::new(connection);
    let say = |text: &str| (&*connection).write_all(format!("{text}\r\n").as_bytes()).unwrap();
    say("220 mail");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end().to_ascii_uppercase().as_str() {
            "DATA" => {
                say("354 go on");
                let mut letter = String::new();
                while !letter.ends_with("\r\n.\r\n") {
                    assert_ne!(reader.read_line(&mut letter).unwrap(), 0);
                }
                letters.send(letter).unwrap();
                say("250 taken");
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 yes"),
        }
    }
}

fn invitation_in(letter: &str) -> &str {
    let (_, rest) = letter.split_once("https://spend.example.com/in/").unwrap_or_else(|| panic!("{letter}"));
    rest.split_whitespace().next().unwrap()
}

fn accept(server: &Server, invitation: &str) -> crate::support::http::Response {
    let body = json!({"token": invitation, "name": "Ada"}).to_string();
    Client::connect_as(server.listen, None).ask("POST", "/v1/invitations/accept", &[("Content-Type", "application/json")], &body)
}

fn key_of(server: &Server, made: &Value) -> Caller {
    Caller::new(server, made["api_key"].as_str().unwrap(), made["shared_secret"].as_str().unwrap())
}

pub fn printed(workplace: &Workplace, arguments: &[&str]) -> String {
    let data = workplace.data();
    let output = workplace.run(&[arguments, &["--data", data.to_str().unwrap()]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn who_is_invited_by_mail_shows_that_the_address_is_theirs() {
    let mailbox = Mailbox::open();
    let workplace = Workplace::demo();
    std::fs::write(workplace.path("config/smtp"), format!("smtp://{}", mailbox.address)).unwrap();
    workplace.edit("holdfast.toml", |text| {
        text.replace(
            "# invitation_link = \"https://spend.example.com/invitation/\"",
            "invitation_link = \"https://spend.example.com/in/\"",
        )
        .replace("# [agents.smtp]", "[agents.smtp]\nurl = \"file:smtp\"\nfrom = \"Holdfast <no-reply@example.com>\"")
    });
    let server = workplace.serve();
    let create =
        ["organization", "create", "--kind", "enterprise", "--name", "Example", "--owner", "ada@example.com", "--by", "ann"];
    let shown = printed(&workplace, &create);
    let letter = mailbox.next();
    assert!(letter.contains("To: ada@example.com"), "{letter}");
    let invitation = invitation_in(&letter);
    assert!(!shown.contains(invitation), "who makes an organization sees nothing of what was mailed: {shown}");
    assert_eq!(accept(&server, &format!("{invitation}x")).status, 404);
    let accepted = accept(&server, invitation);
    assert_eq!(accepted.status, 201, "{accepted:?}");
    let accepted = accepted.json();
    assert!(accepted["member"]["verified_at"].is_string(), "{accepted}");
    assert_eq!(accept(&server, invitation).status, 404, "once");
    let mut owner = key_of(&server, &accepted);

    // Members are invited in the same way; one address is invited once.
    let invited = owner.made("/v1/members", &json!({"email": "bob@example.com", "role": "read_only"}));
    assert_eq!((&invited["invitation"], &invited["invitation_by"]), (&Value::Null, &json!("mail")), "{invited}");
    assert_eq!(
        code(&owner.post("/v1/members", &json!({"email": "Bob@Example.com", "role": "owner"}))),
        (409, "taken".to_owned())
    );
    let letter = mailbox.next();
    let mut reader = key_of(&server, &accept(&server, invitation_in(&letter)).json());
    assert_eq!(reader.get("/v1/members").status, 200);
    assert_eq!(
        code(&reader.post("/v1/members", &json!({"email": "eve@example.com", "role": "owner"}))),
        (403, "scope_missing".to_owned())
    );

    // Where the mail server takes nothing, nobody is invited, and nobody sees an invitation; an operator hands one over.
    drop(mailbox);
    std::fs::write(workplace.path("config/smtp"), "smtp://127.0.0.1:1").unwrap();
    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut owner = owner.again(&server);
    let cyd = json!({"email": "cyd@example.com", "role": "reviewer"});
    let key = [("Idempotency-Key", "cyd")];
    let refused = owner.ask("POST", "/v1/members", &key, &cyd);
    assert_eq!(code(&refused), (503, "mail_unavailable".to_owned()), "{refused:?}");
    assert_eq!(owner.get("/v1/members?status=invited").json()["items"], json!([]), "nothing is kept");
    assert_eq!(code(&owner.ask("POST", "/v1/members", &key, &cyd)).0, 503, "its key is free");
    let organization = accepted["member"]["organization_id"].as_str().unwrap();
    let invite = ["organization", "invite", organization, "--email", "cyd@example.com", "--role", "reviewer", "--by", "ann"];
    let shown = printed(&workplace, &invite);
    assert_eq!(accept(&server, handed_over(&shown).1.rsplit('/').next().unwrap()).status, 201);
}

/// By one credential nobody becomes two people: what is invited without mail an operator hands over, and nothing is given that the credential
/// does not have.
#[test]
fn whoever_invites_sees_no_invitation_and_gives_nothing_that_they_have_not() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut backend = Caller::demo(&server, "enterprise");
    let invite = |caller: &mut Caller, email: &str, role: &str| {
        caller.ask("POST", "/v1/members", &[("Idempotency-Key", email)], &json!({"email": email, "role": role}))
    };
    for role in ["owner", "reviewer"] {
        let refused = invite(&mut backend, "eve@example.com", role);
        assert_eq!(code(&refused), (403, "scope_missing".to_owned()), "the demo's credential has no scope review: {role}");
    }
    let (first, again) =
        (invite(&mut backend, "dev@example.com", "developer"), invite(&mut backend, "dev@example.com", "developer"));
    assert_eq!((first.status, again.status), (201, 201));
    let (first, again) = (first.json(), again.json());
    assert_eq!(first, again, "a repeated invitation is the member as it is");
    assert_eq!((&first["invitation"], &first["invitation_by"]), (&Value::Null, &json!("operator")));

    // Made anew, the one before is worth nothing.
    let member = first["id"].as_str().unwrap();
    let make = || handed_over(&printed(&workplace, &["organization", "invitation", member, "--by", "ann"])).1.to_owned();
    let (old, new) = (make(), make());
    assert_eq!((accept(&server, &old).status, accept(&server, &new).status, accept(&server, &new).status), (404, 201, 404));
    assert_eq!(invite(&mut backend, "dev@example.com", "developer").json()["invitation_by"], Value::Null, "accepted by now");
    let data = workplace.data();
    let output = workplace.run(&["organization", "invitation", member, "--by", "ann", "--data", data.to_str().unwrap()]);
    assert!(!output.status.success(), "there is none any more");
}

/// The demo, with a production program beside it, and keys that nobody knows.
fn with_production() -> Workplace {
    let workplace = Workplace::demo();
    for (file, secret) in [("own_key", "07".repeat(32)), ("own_token", "q7".repeat(24)), ("own_password", "z4".repeat(16))] {
        std::fs::write(workplace.path("config").join(file), secret).unwrap();
    }
    workplace.edit("holdfast.toml", |text| {
        let text = text
            .replace("file:demo/secrets/agents_key", "file:own_key")
            .replace("file:demo/secrets/texts_key", "file:own_key")
            .replace("file:demo/secrets/management_token", "file:own_token")
            .replace("import = \"demo/agents.toml\"\n", "")
            .replace("# production = \"live\"", "production = \"live\"");
        text + "\n[[program]]\nid = \"live\"\ncurrency = \"USD\"\nenvironment = \"production\"\ncountry = \"USA\"\ntime_zone = \"UTC\"\n\
            rules = \"rules/demo.toml\"\n[[program.mount]]\nplatform = \"marqeta\"\npath = \"/live\"\n[[program.mount.basic]]\n\
            user = \"live\"\npassword = \"file:own_password\"\n"
    });
    workplace
}

#[test]
fn production_is_asked_for_approved_and_apart_from_the_sandbox() {
    let workplace = with_production();
    let server = workplace.serve();
    let (enterprise, mut owner) = organization_with_key(&workplace, &server, "enterprise", "ada@example.com");
    let (processor, mut asker) = organization_with_key(&workplace, &server, "processor", "bob@example.com");
    let live = |scopes: Value| json!({"scopes": scopes, "environment": "production", "own": true});
    let too_early = owner.post("/v1/credentials", &live(json!(["setup"])));
    assert_eq!(too_early.status, 409, "{too_early:?}");
    let approve = |organization: &str| {
        let data = workplace.data();
        let decide = ["organization", "approve", organization, "--by", "ann", "--why", "contract 77"];
        workplace.run(&[&decide[..], &["--data", data.to_str().unwrap()]].concat())
    };
    assert!(!approve(&enterprise).status.success(), "nobody asked for it");
    let asked = owner.made("/v1/organization/go-live", &json!({"note": "tested for a month"}));
    assert_eq!(asked["go_live"]["state"], json!("requested"), "{asked}");
    assert_eq!(code(&owner.post("/v1/organization/go-live", &json!({}))), (409, "state_conflict".to_owned()));
    assert_eq!(owner.post("/v1/credentials", &live(json!(["setup"]))).status, 409, "asked for is not approved");
    asker.made("/v1/organization/go-live", &json!({}));
    assert!(approve(&enterprise).status.success() && approve(&processor).status.success());
    assert_eq!(owner.get("/v1/organization").json()["go_live"]["state"], json!("approved"));

    let [_, _, _, in_sandbox] = modelled(&enterprise, &mut owner, "card-demo-1");
    let made = owner.made("/v1/credentials", &live(json!(["setup", "intents", "read"])));
    let mut owner_live = key_of(&server, &made);
    let made = asker.made("/v1/credentials", &live(json!(["authorize", "read"])));
    let mut asker_live = key_of(&server, &made);
    // Neither sees anything of the other.
    assert_eq!(owner_live.get(&format!("/v1/bindings/{in_sandbox}")).status, 404);
    let agent = owner_live.made(&format!("/v1/enterprises/{enterprise}/agents"), &json!({"name": "bot"}));
    let policy = json!({"template": "max_amount", "parameters": {"amount": 2_000, "currency": "USD"}});
    let authority =
        owner_live.made("/v1/spending-authorities", &json!({"agent_id": id(&agent), "policy": policy, "mode": "enforce"}));
    assert_eq!(owner.get(&format!("/v1/spending-authorities/{}", id(&authority))).status, 404);
    let bind = |platform: &str| json!({"spending_authority_id": id(&authority), "issuing_platform": platform, "instrument_id": "card-1"});
    assert_eq!(code(&owner_live.post("/v1/bindings", &bind("MARQETA"))), (403, "card_not_yours".to_owned()));
    let binding = owner_live.made("/v1/bindings", &bind("STRIPE"));
    let ask = |caller: &mut Caller, amount: i64| {
        let asked = json!({"binding_id": id(&binding), "issuing_platform": "STRIPE", "amount": amount, "currency": "USD"});
        caller.made("/v1/authorize", &asked)["reason_code"].clone()
    };
    assert_eq!(ask(&mut asker_live, 2_000), "BINDING_NOT_FOUND", "no grant yet");
    let grant = json!({"processor_id": processor, "issuing_platform": "STRIPE"});
    owner.made("/v1/grants", &grant);
    assert_eq!(ask(&mut asker_live, 2_000), "BINDING_NOT_FOUND", "a grant of the sandbox is none here");
    owner_live.made("/v1/grants", &grant);
    assert_eq!(
        (ask(&mut asker_live, 2_000), ask(&mut asker_live, 2_001)),
        (json!("POLICY_MATCH"), json!("POLICY_VIOLATION_AMOUNT"))
    );
    assert_eq!(ask(&mut asker, 2_000), "BINDING_NOT_FOUND", "the sandbox's processor finds nothing of production");

    // What the operator sees, apart as well.
    let seen =
        |view: &str, environment: &str| printed(&workplace, &["organization", view, &enterprise, "--environment", environment]);
    let metrics = loop {
        let metrics: Value = serde_json::from_str(&seen("metrics", "production")).unwrap();
        if metrics["authorizations"] == json!(2) {
            break metrics;
        }
        std::thread::yield_now();
    };
    assert_eq!(metrics["reasons"], json!({"POLICY_MATCH": 1, "POLICY_VIOLATION_AMOUNT": 1}));
    let usage: Value = serde_json::from_str(seen("usage", "production").lines().next().unwrap()).unwrap();
    assert_eq!(usage["authorizations"], json!(2), "{usage}");
    let listed = seen("authorizations", "production");
    let latest: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    assert_eq!((listed.lines().count(), &latest["decision"]), (2, &json!("DECLINE")), "{listed}");
    let audit = seen("audit", "production");
    assert!(
        audit.contains("organization.go_live_approved") || seen("audit", "sandbox").contains("organization.go_live_approved")
    );
    assert!(audit.contains(&id(&binding)) && !audit.contains(&in_sandbox), "{audit}");
    let in_sandbox: Value = serde_json::from_str(&seen("metrics", "sandbox")).unwrap();
    assert_eq!(in_sandbox["authorizations"], json!(0));
}

#[test]
fn keys_take_each_others_place_without_a_gap() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let (old, new) = (
        owner.made("/v1/credentials", &json!({"scopes": ["read"]})),
        owner.made("/v1/credentials", &json!({"scopes": ["read"]})),
    );
    let (mut by_old, mut by_new) = (key_of(&server, &old), key_of(&server, &new));
    assert_eq!((by_old.get("/v1/bindings").status, by_new.get("/v1/bindings").status), (200, 200), "several live at a time");
    let shown = owner.get("/v1/credentials?limit=100");
    assert!(!shown.body.contains(new["shared_secret"].as_str().unwrap()), "a secret is shown once");
    let shown = shown.json();
    let of = |which: &Value| shown["items"].as_array().unwrap().iter().find(|item| item["id"] == which["id"]).unwrap().clone();
    assert!(of(&old)["last_used_at"].is_string(), "{shown}");
    owner.made(&format!("/v1/credentials/{}/revoke", id(&old)), &json!({}));
    assert_eq!(code(&by_old.get("/v1/bindings")), (401, "key_unknown".to_owned()));
    assert_eq!(by_new.get("/v1/bindings").status, 200);

    let past = owner.post("/v1/credentials", &json!({"scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}));
    assert_eq!(past.status, 400);
    let soon = jiff::Timestamp::now() + Duration::from_secs(3);
    let short = owner.made("/v1/credentials", &json!({"scopes": ["read"], "expires_at": soon.to_string()}));
    let mut by_short = key_of(&server, &short);
    let began = holdfast::clock::instant();
    let ended = loop {
        let answer = by_short.get("/v1/bindings");
        if answer.status != 200 {
            break answer;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it never ends");
        std::thread::yield_now();
    };
    assert_eq!(code(&ended), (401, "credential_expired".to_owned()));
    // So it is for whoever starts anew.
    assert!(server.terminate().success());
    let server = workplace.serve();
    assert_eq!(by_short.again(&server).get("/v1/bindings").status, 401);
    assert_eq!(by_old.again(&server).get("/v1/bindings").status, 401);
    assert_eq!(by_new.again(&server).get("/v1/bindings").status, 200);
}

#[test]
fn every_object_has_its_version_its_size_and_its_end() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let [agent, authority, policy, binding] = modelled("ent_demo", &mut owner, "card-demo-1");
    let changed = json!({"template": "max_amount", "parameters": {"amount": 1, "currency": "USD"}});
    // In an order in which each may be archived.
    let objects = [
        (format!("/v1/bindings/{binding}"), json!({"status": "suspended"})),
        (format!("/v1/spending-authorities/{authority}"), json!({"mode": "observe"})),
        (format!("/v1/policies/{policy}"), json!({"policy": changed})),
        (format!("/v1/enterprises/ent_demo/agents/{agent}"), json!({"name": "another"})),
    ];
    for (path, change) in &objects {
        let with = |version: u32| {
            let mut change = change.clone();
            change["version"] = json!(version);
            change
        };
        let patch = |owner: &mut Caller, body: &Value| owner.ask("PATCH", path, &[], body);
        assert_eq!(code(&patch(&mut owner, &with(7))), (409, "version_conflict".to_owned()), "{path}");
        let done = patch(&mut owner, &with(1));
        assert_eq!((done.status, done.json()["version"].clone()), (200, json!(2)), "{path}: {done:?}");
        assert_eq!(code(&patch(&mut owner, &with(1))), (409, "version_conflict".to_owned()), "{path}: somebody was faster");
        let large = json!({"version": 2, "name": "x".repeat(70_000)});
        assert_eq!(code(&patch(&mut owner, &large)), (413, "body_too_large".to_owned()), "{path}");
        owner = owner.again(&server);
        assert_eq!(owner.made(&format!("{path}/archive"), &json!({}))["status"], json!("archived"), "{path}");
        assert_eq!(code(&patch(&mut owner, &with(3))), (410, "archived".to_owned()), "{path}");
        assert_eq!(code(&owner.post(&format!("{path}/archive"), &json!({}))), (410, "archived".to_owned()), "{path}");
        assert_eq!(owner.get(path).json()["status"], json!("archived"), "{path} stays readable");
    }
    let intent = json!({"spending_authority_id": authority, "amount": 1, "currency": "USD"});
    assert_eq!(code(&owner.post("/v1/authorize-intent", &intent)), (410, "archived".to_owned()));
    let bound = json!({"spending_authority_id": authority, "issuing_platform": "X", "instrument_id": "i"});
    assert_eq!(code(&owner.post("/v1/bindings", &bound)).0, 410);
}

/// The demo, with a key of its own for agent spend and those that were before it.
fn sealed_with(workplace: &Workplace, key: u8, old: &[u8]) {
    let file = |key: &u8| format!("own_key_{key}");
    for key in old.iter().chain([&key]) {
        std::fs::write(workplace.path("config").join(file(key)), format!("{key:02x}").repeat(32)).unwrap();
    }
    let old: Vec<_> = old.iter().map(|key| format!("\"file:{}\"", file(key))).collect();
    workplace.edit("holdfast.toml", |text| {
        let (before, rest) = text.split_once("[agents]\n").unwrap();
        let (section, after) = rest.split_once("\n# The program that decides what sandbox").unwrap();
        let comments: Vec<_> = section.lines().filter(|line| line.starts_with('#')).collect();
        let old = if old.is_empty() { String::new() } else { format!("\nold_keys = [{}]", old.join(", ")) };
        let lines = format!("{}\nkey = \"file:{}\"{old}", comments.join("\n"), file(&key));
        format!("{before}[agents]\n{lines}\n# The program that decides what sandbox{after}")
    });
}

#[test]
fn a_key_that_seals_can_be_changed() {
    let workplace = Workplace::demo();
    sealed_with(&workplace, 1, &[]);
    let server = workplace.serve();
    let (organization, owner) = organization_with_key(&workplace, &server, "enterprise", "ada@example.com");
    assert!(server.terminate().success());
    sealed_with(&workplace, 3, &[2, 1]);
    let server = workplace.serve();
    let mut owner = owner.again(&server);
    let members = owner.get("/v1/members").json();
    assert_eq!(members["items"][0]["email"], json!("ada@example.com"), "{members}");
    let invite = |owner: &mut Caller, email: &str| owner.post("/v1/members", &json!({"email": email, "role": "developer"}));
    assert_eq!(invite(&mut owner, "ada@example.com").status, 409, "an address is known by the same");
    assert_eq!(invite(&mut owner, "bob@example.com").status, 201);
    assert!(server.terminate().success());
    // Without the oldest nobody would know what is missing: it does not start.
    sealed_with(&workplace, 3, &[2]);
    let output = workplace.run(&["serve", "--listen", "127.0.0.1:0", "--data", workplace.data().to_str().unwrap()]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("agents.old_keys"), "{told}");
    sealed_with(&workplace, 4, &[3, 2, 1]);
    let server = workplace.serve();
    let erased = printed(&workplace, &["erase", "--person", "bob@example.com"]);
    assert_eq!(erased, "1 texts erased\n");
    assert_eq!(owner.again(&server).get("/v1/organization").json()["id"], json!(organization));
}

#[test]
fn a_backup_has_what_agents_may_spend_and_who_is_paid() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut owner, mut processor) = (Caller::demo(&server, "enterprise"), Caller::demo(&server, "processor"));
    let [_, authority, _, binding] = modelled("ent_demo", &mut owner, "card-demo-1");
    let ask = |processor: &mut Caller, key: &str| {
        let asked = json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": 1_000, "currency": "USD"});
        processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", key)], &asked)
    };
    let first = ask(&mut processor, "first");
    let file = workplace.path("monday.backup");
    printed(&workplace, &["backup", file.to_str().unwrap()]);
    let later = owner.made("/v1/enterprises/ent_demo/agents", &json!({"name": "later"}));
    assert!(server.terminate().success());
    let data = workplace.data();
    std::fs::rename(&data, workplace.path("lost")).unwrap();
    let restore = |from: &std::path::Path, to: &std::path::Path| {
        let restore = ["restore", from.to_str().unwrap(), "--data", to.to_str().unwrap()];
        let output = std::process::Command::new(crate::support::server::HOLDFAST).args(restore).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    restore(&file, &data);
    for name in ["agents.sqlite", "profiles.sqlite"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(data.join(name)).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "{name} is its owner's alone");
    }
    let server = workplace.serve();
    let (mut owner, mut processor) = (owner.again(&server), processor.again(&server));
    assert_eq!(owner.get(&format!("/v1/spending-authorities/{authority}")).json()["name"], json!("software"), "texts open");
    assert_eq!(owner.get(&format!("/v1/enterprises/ent_demo/agents/{}", id(&later))).status, 404, "made after the backup");
    assert_eq!(ask(&mut processor, "first").body, first.body);
    assert_eq!(ask(&mut processor, "second").json()["decision"], json!("APPROVE"));
    assert!(server.terminate().success());
    // From a data directory it is the same.
    let other = workplace.path("other");
    restore(&data, &other);
    assert!(other.join("agents.sqlite").exists() && other.join("profiles.sqlite").exists());
}
