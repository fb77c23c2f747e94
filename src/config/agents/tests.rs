//! `[agents]`: what it is, and everything that it must not be.

use crate::seal::SealingKey;
use holdfast_adapters::Secret;

use super::super::tests::{LEAST, load};
use super::*;

fn agents(section: &str) -> Result<Option<AgentsConfig>, String> {
    load(&format!("[agents]\n{section}\n{LEAST}")).map(|config| config.agents)
}

#[test]
fn without_the_section_there_is_none_and_with_it_every_key_is_taken() {
    assert_eq!(load(LEAST).unwrap().agents, None);
    let least = agents("key = 'env:AGENTS_KEY'\nsandbox = 'one'").unwrap().unwrap();
    let one = ProgramId::new("one").unwrap();
    let expected = AgentsConfig {
        key: SealingKey::new([0x0f; 32]),
        old_keys: Vec::new(),
        sandbox: Some(one),
        production: None,
        card_enterprises: None,
        import: None,
        reach: Reach::AtHome,
        invitation_link: None,
        smtp: None,
    };
    assert_eq!(least, expected);
    assert_eq!((least.program(Environment::Sandbox), least.program(Environment::Production)), (Some(one), None));
    let whole = "key = 'env:AGENTS_KEY'\nsandbox = 'one'\nimport = 'agents.toml'\ninvitation_link = 'https://a.example/?token='\n\
         [agents.smtp]\nurl = 'env:SMTP'\nfrom = 'H <h@a.example>'";
    let whole = agents(whole).unwrap().unwrap();
    assert!(whole.import.unwrap().ends_with("agents.toml"));
    assert_eq!(whole.invitation_link.as_deref(), Some("https://a.example/?token="));
    let url = Secret::new(&b"smtps://user:only-here@mail.example:465"[..]);
    assert_eq!(whole.smtp, Some(SmtpConfig { url, from: "H <h@a.example>".to_owned() }));
}

#[test]
fn what_can_be_wrong() {
    const KEY: &str = "key = 'env:AGENTS_KEY'\nsandbox = 'one'";
    let cases = [
        (
            "key = 'env:SHORT_KEY'\nsandbox = 'one'",
            "c.toml:2:7: agents.key: names a key that is not 64 hexadecimal digits; `openssl rand -hex 32` makes one",
        ),
        ("sandbox = 'one'", "c.toml:1:1: agents.key: is missing"),
        (
            "key = 'env:AGENTS_KEY'",
            "c.toml:1:1: agents: names no program: `sandbox`, `production` or both say which program decides",
        ),
        ("key = 'env:AGENTS_KEY'\nsandbox = 'two'", "c.toml:3:11: agents.sandbox: is no [[program]] of this file"),
        (
            "key = 'env:AGENTS_KEY'\nproduction = 'one'",
            "c.toml:3:14: agents.production: is a sandbox program; money of the two is never mixed, so name a production one",
        ),
        (&format!("{KEY}\nimport = ''"), "c.toml:4:10: agents.import: is empty; name a file"),
        (
            &format!("{KEY}\ninvitation_link = 'a.example'"),
            "c.toml:4:19: agents.invitation_link: must be an address that begins with https://; the invitation's token follows it",
        ),
        (
            &format!("{KEY}\n[agents.smtp]\nurl = 'env:PASSWORD'\nfrom = 'h'"),
            "c.toml:5:7: agents.smtp.url: names something else than smtp://… or smtps://user:password@host:port\n\
             c.toml:6:8: agents.smtp.from: must be an address, such as \"Holdfast <no-reply@example.com>\"",
        ),
    ];
    for (section, expected) in cases {
        assert_eq!(agents(section).unwrap_err(), expected, "{section}");
    }
}

#[test]
fn the_demos_key_works_at_home_only() {
    let text = |server: &str| format!("{server}\n[agents]\nkey = 'env:DEMO_AGENTS_KEY'\nsandbox = 'one'\n{LEAST}");
    assert!(load(&text("")).unwrap().agents.is_some());
    let reached = load(&text("[server]\ntls_terminated_upstream = true")).unwrap_err();
    let expected = "agents.key: is the demo's key, which everybody knows: it works only for a sandbox program on loopback";
    assert!(reached.contains(expected), "{reached}");
}

#[test]
fn keys_are_not_printed() {
    assert_eq!(format!("{:?}", SealingKey::new([7; 32])), "SealingKey");
}
