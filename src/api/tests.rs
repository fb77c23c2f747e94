//! What the management API says while its ledger is silent: when, and what can be done meanwhile.

use axum::body::Body;
use holdfast_core::hold::{AccountStatus, CardStatus, ToldEvent};
use holdfast_core::stand_in::Sight;
use holdfast_core::{AccountId, CardToken, Timestamp};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::meanwhile::{Keeping, Kept, NOT_LOOKED_UP};
use super::page::Page;
use super::reads::{AccountLine, AsOf, CardLine, HoldLine, Lines, MovementLine, Reading, SumLine, Wanted, Whose};
use super::*;
use crate::ledger::{Operation, Readiness, Ticket};
use crate::metrics::Metrics;
use crate::profiles::Store;
use crate::responder::Stage;
use crate::seal::Sealer;
use crate::spool::{Settings, Sync};

/// A ledger that takes everything and never answers.
#[derive(Default)]
struct Silent(std::sync::Mutex<Vec<Arc<Ticket>>>);

impl Ledger for Silent {
    fn submit(&self, ticket: Arc<Ticket>) {
        self.0.lock().unwrap().push(ticket);
    }

    fn nudge(&self) {}

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// Reads that find an active card of whatever token but `new`, and nothing else.
struct OneCard;

fn nothing<T: Send + 'static>() -> Reading<'static, T> {
    Box::pin(async { Err(reads::Unreadable("nobody asks".to_owned())) })
}

impl Reads for OneCard {
    fn accounts(&self, _: ProgramId, _: Page) -> Reading<'_, Lines<AccountLine>> {
        nothing()
    }

    fn card(&self, _: ProgramId, card: CardToken) -> Reading<'_, Option<CardLine>> {
        if card.as_str().starts_with("unread") {
            return Box::pin(std::future::pending());
        }
        let line = CardLine { card, account: None, cardholder: None, status: CardStatus::Active };
        Box::pin(async move { Ok(AsOf { record: 1, fresh: true, found: (card.as_str() != "new").then_some(line) }) })
    }

    fn cards(&self, _: ProgramId, _: AccountId, _: Page) -> Reading<'_, Option<Lines<CardLine>>> {
        nothing()
    }

    fn hold(&self, _: ProgramId, _: i64) -> Reading<'_, Option<HoldLine>> {
        nothing()
    }

    fn holds(&self, _: ProgramId, _: Whose, _: Wanted, _: Page) -> Reading<'_, Option<Lines<HoldLine>>> {
        nothing()
    }

    fn movements(&self, _: ProgramId, _: AccountId, _: Option<Timestamp>, _: Page) -> Reading<'_, Option<Lines<MovementLine>>> {
        nothing()
    }

    fn sums(&self, _: ProgramId, _: (i32, i32)) -> Reading<'_, Vec<SumLine>> {
        nothing()
    }
}

/// Keeps every bar, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spool {
    Takes,
    IsFull,
}

impl Meanwhile for Spool {
    fn card(&self, _: ProgramId, card: CardToken) -> Sight<CardStatus> {
        if card.as_str() == "lost" { Sight::Seen(CardStatus::Lost) } else { Sight::NotSeen }
    }

    fn waiting_of_card(&self, _: ProgramId, card: CardToken) -> Option<CardStatus> {
        (card.as_str() == "unread-waits").then_some(CardStatus::Frozen)
    }

    fn waiting_of_account(&self, _: ProgramId, account: AccountId) -> Option<AccountStatus> {
        (account.as_str() == "gone").then_some(AccountStatus::Closed)
    }

    fn request(&self, _: &[u8; 16]) -> Option<[u8; 32]> {
        None
    }

    fn keep(&self, _: ProgramId, _: Operation, _: ToldEvent) -> Keeping<'_> {
        let kept = if *self == Spool::Takes { Kept::Yes } else { Kept::NotDurable };
        Box::pin(async move { kept })
    }
}

/// An API whose ledger is silent, and has a moment to answer.
fn api(spool: Spool) -> Arc<Api> {
    let meanwhile = Arc::new(spool);
    let program = ProgramId::new("p").unwrap();
    let token = ApiToken { name: "t".to_owned(), digest: Sha256::digest("secret").into(), programs: vec![program] };
    let spool = Settings { path: "nowhere".into(), sync: Sync::None, entries_max: 1 };
    Arc::new(Api {
        programs: vec![ApiProgram { id: program, currency: Currency::USD }],
        tokens: ArcSwap::from_pointee(vec![token]),
        ledger: Arc::new(Silent::default()),
        reads: Arc::new(OneCard),
        switchboard: Arc::new(Switchboard::new(spool, Vec::new())),
        profiles: Arc::new(Profiles::open(Store::open("nowhere".as_ref(), Sealer::default()).unwrap(), None).unwrap()),
        meanwhile,
        recalled: Recalled::new(watch::channel(Stage::Open).1),
        metrics: Metrics::new(&[]).unwrap().api.clone(),
        creating: tokio::sync::Mutex::default(),
        answer_max: Duration::from_millis(1),
    })
}

/// What is answered: the status, whether it says when to ask again, and the body.
async fn answer(api: &Arc<Api>, method: &str, path: &str, body: &str) -> (StatusCode, bool, serde_json::Value) {
    let request = Request::builder().method(method).uri(path).header("Authorization", "Bearer secret");
    let request = request.header("Idempotency-Key", "k").header("Content-Type", "application/json");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = TowerToHyperService::new(router::service(api)).call(request).await.unwrap();
    let (status, again) = (response.status(), response.headers().contains_key("retry-after"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, again, serde_json::from_slice(&body).unwrap())
}

/// What waits here for the ledger may have the same key, or bar the same card: nobody is answered, nor anything done, by less than that.
#[tokio::test(start_paused = true)]
async fn until_what_waits_is_known_everybody_hears_that_the_server_starts() {
    let mut api = api(Spool::Takes);
    let (stage, recalled) = watch::channel(Stage::Recalling);
    Arc::get_mut(&mut api).unwrap().recalled = Recalled::new(recalled);
    let freeze = ("POST", "/v1/cards/c/freeze", r#"{"reason": "stolen"}"#);
    for (method, path, body) in [freeze, ("GET", "/v1/cards/c", ""), ("GET", "/v1/accounts/a", ""), ("GET", "/v1/stand-in", "")] {
        let (status, again, told) = answer(&api, method, path, body).await;
        assert_eq!(
            (status, again, &told["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, true, &json!("ledger_unavailable")),
            "{path}"
        );
        assert!(told["detail"].as_str().unwrap().starts_with("the server is starting"), "{told}");
    }
    assert_eq!(answer(&api, "GET", "/v1/openapi.json", "").await.0, StatusCode::OK);
    stage.send_replace(Stage::Starting);
    let (method, path, body) = freeze;
    assert_eq!(answer(&api, method, path, body).await.0, StatusCode::ACCEPTED, "it holds here from then on");
}

#[tokio::test]
async fn a_silent_ledger_is_told_with_what_to_do() {
    let api = api(Spool::IsFull);
    let (new_card, new_account) = (r#"{"card": "new", "account_id": "a"}"#, r#"{"account_id": "a", "currency": "USD"}"#);
    let frozen = r#"{"status": "frozen", "reason": "fraud"}"#;
    for (method, path, body, expected) in [
        ("POST", "/v1/cards/c/freeze", r#"{"reason": "stolen"}"#, "spool_unavailable"),
        ("POST", "/v1/cards/c/close", r#"{"reason": "stolen"}"#, "spool_unavailable"),
        ("POST", "/v1/cards/c/unfreeze", r#"{"reason": "found"}"#, "ledger_unavailable"),
        ("PUT", "/v1/accounts/a/status", frozen, "spool_unavailable"),
        ("PUT", "/v1/accounts/a/status", r#"{"status": "active", "reason": "paid"}"#, "ledger_unavailable"),
        ("POST", "/v1/accounts", new_account, "ledger_unavailable"),
        ("POST", "/v1/cards", new_card, "ledger_unavailable"),
        ("GET", "/v1/accounts/a", "", "ledger_unavailable"),
    ] {
        let (status, again, answer) = answer(&api, method, path, body).await;
        assert_eq!((status, again, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, true, &json!(expected)), "{path}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains("again with the same Idempotency-Key"), "{path}: {detail}");
        assert_eq!(detail.contains("freeze at the platform"), expected == "spool_unavailable", "{path}: {detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bar_holds_here_while_the_ledger_is_silent() {
    let api = api(Spool::Takes);
    let (why, frozen) = (r#"{"reason": "stolen"}"#, r#"{"status": "frozen", "reason": "fraud"}"#);
    for (method, path, body, status, expected) in [
        ("POST", "/v1/cards/c/freeze", why, 202, json!({"card": "c", "status": "frozen", "waits_for": "ledger", "as_of": 0})),
        ("POST", "/v1/cards/c/close", why, 202, json!({"card": "c", "status": "closed", "waits_for": "ledger", "as_of": 0})),
        (
            "POST",
            "/v1/cards/unread/freeze",
            why,
            202,
            json!({"card": "unread", "status": "frozen", "waits_for": "ledger", "note": NOT_LOOKED_UP, "as_of": 0}),
        ),
        // Asked again, or for more, nobody has looked it up since.
        (
            "POST",
            "/v1/cards/unread-waits/freeze",
            why,
            202,
            json!({"card": "unread-waits", "status": "frozen", "waits_for": "ledger", "note": NOT_LOOKED_UP, "as_of": 0}),
        ),
        (
            "PUT",
            "/v1/accounts/a/status",
            frozen,
            202,
            json!({"account_id": "a", "status": "frozen", "waits_for": "ledger", "note": NOT_LOOKED_UP}),
        ),
    ] {
        assert_eq!(answer(&api, method, path, body).await, (StatusCode::from_u16(status).unwrap(), true, expected), "{path}");
    }
    // What was reported stays, also where it is known here only.
    for (method, path, body) in [
        ("POST", "/v1/cards/lost/freeze", why),
        ("PUT", "/v1/accounts/gone/status", frozen),
        ("POST", "/v1/cards/new/freeze", why),
    ] {
        let (status, _, answer) = answer(&api, method, path, body).await;
        let expected = if path.contains("/new/") { (404, "not_found") } else { (409, "status_final") };
        assert_eq!((status.as_u16(), answer["code"].as_str().unwrap()), expected, "{path}");
    }
}

#[tokio::test]
async fn whoever_waits_for_somebody_who_creates_is_not_kept_for_ever() {
    let api = api(Spool::IsFull);
    let _somebody = api.creating.lock().await;
    let (status, _, answer) = answer(&api, "POST", "/v1/accounts", r#"{"account_id": "a", "currency": "USD"}"#).await;
    assert_eq!((status, answer["code"].as_str().unwrap()), (StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable"));
}
