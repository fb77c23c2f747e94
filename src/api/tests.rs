//! What the management API says while its ledger is silent: when, and what can be done meanwhile.

use axum::body::Body;
use holdfast_core::hold::CardStatus;
use holdfast_core::{AccountId, CardToken, Timestamp};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use sha2::{Digest as _, Sha256};

use super::page::Page;
use super::reads::{AccountLine, AsOf, CardLine, HoldLine, Lines, MovementLine, Reading, SumLine, Wanted, Whose};
use super::*;
use crate::ledger::{Readiness, Ticket};
use crate::metrics::Metrics;
use crate::profiles::Store;
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

/// An API whose ledger is silent, and has a moment to answer.
fn api() -> Arc<Api> {
    let program = ProgramId::new("p").unwrap();
    let token = ApiToken { name: "t".to_owned(), digest: Sha256::digest("secret").into(), programs: vec![program] };
    let spool = Settings { path: "nowhere".into(), sync: Sync::None, entries_max: 1 };
    Arc::new(Api {
        programs: vec![ApiProgram { id: program, currency: Currency::USD }],
        tokens: ArcSwap::from_pointee(vec![token]),
        ledger: Arc::new(Silent::default()),
        reads: Arc::new(OneCard),
        switchboard: Arc::new(Switchboard::new(spool, Vec::new())),
        profiles: Arc::new(Profiles::open(Store::open("nowhere".as_ref(), Sealer::default()).unwrap()).unwrap()),
        metrics: Metrics::new(&[]).unwrap().api.clone(),
        creating: tokio::sync::Mutex::default(),
        answer_max: Duration::from_millis(1),
    })
}

/// What is answered: the status, whether it says when to ask again, and the problem's code and detail.
async fn answer(api: &Arc<Api>, method: &str, path: &str, body: &str) -> (StatusCode, bool, String, String) {
    let request = Request::builder().method(method).uri(path).header("Authorization", "Bearer secret");
    let request = request.header("Idempotency-Key", "k").header("Content-Type", "application/json");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = TowerToHyperService::new(router::service(api)).call(request).await.unwrap();
    let (status, again) = (response.status(), response.headers().contains_key("retry-after"));
    let problem = response.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&problem).unwrap();
    let text = |name: &str| problem[name].as_str().unwrap().to_owned();
    (status, again, text("code"), text("detail"))
}

#[tokio::test]
async fn a_silent_ledger_is_told_with_what_helps_meanwhile() {
    let api = api();
    let new_card = r#"{"card": "new", "account_id": "a"}"#;
    let new_account = r#"{"account_id": "a", "currency": "USD"}"#;
    for (method, path, body, meanwhile) in [
        ("POST", "/v1/cards/c/freeze", r#"{"reason": "stolen"}"#, Some("freeze the card at the platform")),
        ("POST", "/v1/cards/c/close", r#"{"reason": "stolen"}"#, Some("freeze the card at the platform")),
        ("POST", "/v1/cards/c/unfreeze", r#"{"reason": "found"}"#, None),
        ("PUT", "/v1/accounts/a/status", r#"{"status": "frozen", "reason": "fraud"}"#, Some("freeze the account's cards")),
        ("POST", "/v1/accounts", new_account, None),
        ("POST", "/v1/cards", new_card, None),
        ("GET", "/v1/accounts/a", "", None),
    ] {
        let (status, again, code, detail) = answer(&api, method, path, body).await;
        assert_eq!((status, again, code.as_str()), (StatusCode::SERVICE_UNAVAILABLE, true, "ledger_unavailable"), "{path}");
        assert!(detail.contains("send it again with the same Idempotency-Key"), "{path}: {detail}");
        let advice = detail.split_once("; ").map(|(_, advice)| advice.contains("at the platform"));
        assert_eq!(advice.unwrap_or(false), meanwhile.is_some(), "{path}: {detail}");
        assert!(meanwhile.is_none_or(|advice| detail.contains(advice)), "{path}: {detail}");
    }
}

#[tokio::test]
async fn whoever_waits_for_somebody_who_creates_is_not_kept_for_ever() {
    let api = api();
    let _somebody = api.creating.lock().await;
    let (status, _, code, _) = answer(&api, "POST", "/v1/accounts", r#"{"account_id": "a", "currency": "USD"}"#).await;
    assert_eq!((status, code.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable"));
}
