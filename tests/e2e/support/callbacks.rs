//! Callbacks as the platforms send them, with our own values; only what a case is about is spelled out.

use serde_json::{Value, json};

/// A Marqeta JIT request.
#[derive(Debug, Clone)]
pub struct Marqeta {
    pub id: String,
    pub card: String,
    pub user: String,
    pub amount: String,
    pub mcc: String,
    pub method: String,
    pub original: Option<(String, String)>,
    /// When the platform says that it was made.
    pub created: String,
}

impl Marqeta {
    /// A purchase of groceries on the demo card.
    pub fn purchase(id: &str, amount: &str) -> Self {
        Marqeta {
            id: id.to_owned(),
            card: "card-demo-1".to_owned(),
            user: "user-demo-1".to_owned(),
            amount: amount.to_owned(),
            mcc: "5411".to_owned(),
            method: "pgfs.authorization".to_owned(),
            original: None,
            created: "2026-03-14T15:09:26Z".to_owned(),
        }
    }

    pub fn created(self, moment: impl ToString) -> Self {
        Marqeta { created: moment.to_string(), ..self }
    }

    pub fn card(self, card: &str) -> Self {
        Marqeta { card: card.to_owned(), ..self }
    }

    pub fn mcc(self, mcc: &str) -> Self {
        Marqeta { mcc: mcc.to_owned(), ..self }
    }

    pub fn method(self, method: &str) -> Self {
        Marqeta { method: method.to_owned(), ..self }
    }

    /// An increment of another purchase.
    pub fn increment(id: &str, amount: &str, of: &Marqeta) -> Self {
        let original = Some((of.jit_token(), of.token()));
        Marqeta { method: "pgfs.authorization.incremental".to_owned(), original, ..Self::purchase(id, amount) }
    }

    pub fn jit_token(&self) -> String {
        format!("jit-{}", self.id)
    }

    pub fn token(&self) -> String {
        format!("tx-{}", self.id)
    }

    /// The request's body.
    pub fn body(&self) -> String {
        let amount: Value = serde_json::from_str(&self.amount).unwrap();
        let mut jit = json!({
            "token": self.jit_token(), "method": self.method, "user_token": self.user, "acting_user_token": self.user,
            "amount": amount,
        });
        let mut body = json!({
            "type": "authorization", "state": "PENDING", "token": self.token(), "user_token": self.user,
            "acting_user_token": self.user, "card_token": self.card, "amount": amount, "currency_code": "USD",
            "network": "VISA", "created_time": self.created,
            "card_acceptor": {"mid": "mid-000123", "mcc": self.mcc, "name": "CORNER GROCERY", "city": "AUSTIN",
                "country_code": "USA"},
            "pos": {"pan_entry_mode": "CHIP", "card_presence": true, "partial_approval_capable": false},
        });
        if let Some((jit_token, token)) = &self.original {
            jit["original_jit_funding_token"] = json!(jit_token);
            body["preceding_related_transaction_token"] = json!(token);
            body["type"] = json!("authorization.incremental");
        }
        body["gpa_order"] = json!({
            "token": format!("gpa-{}", self.id), "amount": amount, "state": "PENDING", "currency_code": "USD",
            "user_token": self.user, "jit_funding": jit,
        });
        body.to_string()
    }

    /// A later transaction of the same payment, as the webhook brings it.
    pub fn follower(&self, kind: &str, state: &str, method: &str, amount: &str) -> Value {
        let amount: Value = serde_json::from_str(amount).unwrap();
        json!({
            "type": kind, "state": state, "token": format!("{kind}-{}", self.id),
            "preceding_related_transaction_token": self.token(), "user_token": self.user, "acting_user_token": self.user,
            "card_token": self.card, "amount": amount, "currency_code": "USD", "network": "VISA",
            "created_time": "2026-03-15T09:00:00Z", "response": {"code": "0000", "memo": "ok"},
            "gpa_order": {"token": format!("gpa-{}", self.id), "amount": amount, "state": state, "currency_code": "USD",
                "jit_funding": {"token": format!("jit-{kind}-{}", self.id), "original_jit_funding_token": self.jit_token(),
                    "method": method, "user_token": self.user, "acting_user_token": self.user, "amount": amount}},
        })
    }

    /// The authorization itself, as the webhook tells how it ended.
    pub fn recorded(&self, state: &str, timed_out: bool) -> Value {
        let mut transaction: Value = serde_json::from_str(&self.body()).unwrap();
        transaction["state"] = json!(state);
        transaction["gpa_order"]["funding"] = json!({"gateway_log": {"order_number": self.token(),
            "transaction_id": self.jit_token(), "timed_out": timed_out, "duration": 3001}});
        transaction
    }
}

/// A webhook body with these transactions.
pub fn transactions(transactions: &[Value]) -> String {
    json!({ "transactions": transactions }).to_string()
}

/// An Apto V3 authorize request.
#[derive(Debug, Clone)]
pub struct Apto {
    pub id: String,
    pub transaction: String,
    pub card: String,
    pub amount: String,
    pub mcc: u16,
}

impl Apto {
    /// A purchase of groceries on the demo card; a negative amount is a debit.
    pub fn purchase(id: &str, amount: &str) -> Self {
        Apto {
            id: format!("auth_{id}"),
            transaction: format!("txn_{id}"),
            card: "crd_demo_1".to_owned(),
            amount: amount.to_owned(),
            mcc: 5411,
        }
    }

    pub fn body(&self) -> String {
        let amount: Value = serde_json::from_str(&self.amount).unwrap();
        json!({"authorization": {"id": self.id, "transaction_id": self.transaction, "cardholder_id": "crdhldr_demo_1",
            "card_id": self.card, "billing_amount": {"currency": "USD", "amount": amount},
            "merchant_data": {"merchant_name": "CORNER GROCERY", "merchant_locality": "AUSTIN", "merchant_region": "TX",
                "merchant_country": "USA", "mcc": self.mcc, "mcc_group": null},
            "transaction_data": {"card_present": true, "ecommerce": false, "international": false, "emv": true,
                "network": "VISA"}}})
        .to_string()
    }

    /// A webhook with a snapshot of its transaction, and the adjustments that it has: id, type, amount and time.
    pub fn snapshot(&self, state: &str, kind: &str, amount: f64, adjustments: &[(&str, &str, f64, &str)]) -> String {
        let usd = |amount: f64| json!({"currency": "USD", "amount": amount});
        let adjustments: Vec<Value> = adjustments
            .iter()
            .map(|(id, kind, amount, at)| {
                json!({"adjustment": {"id": id, "created_at": at, "type": kind, "local_amount": usd(*amount),
                    "billing_amount": usd(*amount), "funding_source_transaction_id": null}})
            })
            .collect();
        json!({"transaction": {"id": self.transaction, "idempotency_key": null, "state": state, "type": kind,
            "context": "Standard purchase", "created_at": "2026-03-14T15:09:26+00:00", "cardholder_id": "crdhldr_demo_1",
            "cardholder_email": "x@example.com", "cardholder_first_name": "X", "cardholder_last_name": "Y",
            "card_id": self.card, "billing_amount": usd(amount), "local_amount": usd(amount), "hold_amount": usd(0.0),
            "cashback_amount": usd(0.0), "fee_amount": usd(0.0), "card_present": true, "ecommerce": false,
            "international": false, "emv": true, "network": "VISA", "description": "CORNER", "mcc": "5411",
            "merchant_name": "CORNER", "merchant_region": "TX", "merchant_country": "USA", "adjustments": adjustments}})
        .to_string()
    }
}
