//! What `GET /v1/policy-templates` says of each template: what it does, and the JSON Schema (draft 2020-12) of its parameters.

/// One template, for the list.
#[derive(Debug, Clone, Copy)]
pub struct TemplateFacts {
    /// As policies write it.
    pub name: &'static str,
    /// For people, a few words.
    pub title: &'static str,
    /// What it does.
    pub description: &'static str,
    /// The schema of its parameters, as JSON.
    pub schema: &'static str,
    /// Parameters that pass, as JSON.
    pub example: &'static str,
}

macro_rules! amount_schema {
    () => {
        r#""amount":{"type":"integer","minimum":1,"description":"In minor units of the currency: cents, yen, fils."},"currency":{"type":"string","pattern":"^[A-Za-z]{3}$","description":"ISO 4217."}"#
    };
}

macro_rules! lock_schema {
    () => {
        r#""merchant_ids":{"type":"array","minItems":1,"maxItems":250,"items":{"type":"string","minLength":1,"maxLength":40},"description":"The acquirer's identifiers of the merchants."},"merchants":{"type":"array","minItems":1,"maxItems":250,"items":{"type":"string","minLength":1,"maxLength":128},"description":"Names; only their letters and digits count, in any case."}"#
    };
}

macro_rules! window_schema {
    () => {
        r#""window":{"type":"string","enum":["day","week","month","rolling","lifetime"]},"time_zone":{"type":"string","default":"UTC","description":"IANA name; of day, week and month."},"week_starts":{"type":"string","enum":["monday","tuesday","wednesday","thursday","friday","saturday","sunday"],"default":"monday"},"rolling_seconds":{"type":"integer","minimum":60,"maximum":31622400,"multipleOf":60,"description":"The length of a rolling window."}"#
    };
}

macro_rules! mccs_schema {
    () => {
        r#"{"type":"object","additionalProperties":false,"required":["mccs"],"properties":{"mccs":{"type":"array","minItems":1,"maxItems":500,"items":{"type":"string"},"description":"Codes (\"5734\"), ranges (\"5811-5814\") or groups (\"gambling\")."}}}"#
    };
}

macro_rules! several_schema {
    ($least:literal) => {
        concat!(
            r#"{"type":"object","additionalProperties":false,"required":["policies"],"properties":{"policies":{"type":"array","minItems":"#,
            $least,
            r#","maxItems":32,"items":{"type":"object","additionalProperties":false,"required":["template"],"properties":{"template":{"type":"string"},"parameters":{"type":"object"}}}}}}"#
        )
    };
}

/// Every template, in the order of the list.
pub const TEMPLATES: &[TemplateFacts] = &[
    TemplateFacts {
        name: "max_amount",
        title: "Maximum amount",
        description: "Declines a payment above an amount, or in another currency.",
        schema: concat!(
            r#"{"type":"object","additionalProperties":false,"required":["amount","currency"],"properties":{"#,
            amount_schema!(),
            "}}"
        ),
        example: r#"{"amount":10000,"currency":"USD"}"#,
    },
    TemplateFacts {
        name: "merchant_lock",
        title: "Merchant lock",
        description: "Lets pass only the merchants listed, by identifier or by name.",
        schema: concat!(
            r#"{"type":"object","additionalProperties":false,"anyOf":[{"required":["merchant_ids"]},{"required":["merchants"]}],"properties":{"#,
            lock_schema!(),
            "}}"
        ),
        example: r#"{"merchants":["Software Store"]}"#,
    },
    TemplateFacts {
        name: "mcc_allowlist",
        title: "Allowed merchant categories",
        description: "Lets pass only the merchant categories listed: a payment that does not say its category is declined.",
        schema: mccs_schema!(),
        example: r#"{"mccs":["5734","5411"]}"#,
    },
    TemplateFacts {
        name: "mcc_blocklist",
        title: "Blocked merchant categories",
        description: "Declines the merchant categories listed. A payment that does not say its category passes, as nothing shows that it is one of them: `mcc_allowlist` declines it.",
        schema: mccs_schema!(),
        example: r#"{"mccs":["gambling"]}"#,
    },
    TemplateFacts {
        name: "country",
        title: "Countries",
        description: "Lets pass only merchants in the countries listed (`allow`), or declines those (`deny`). A payment that does not say its country is declined by `allow`, and passes `deny`, as nothing shows that it is in one of them.",
        schema: r#"{"type":"object","additionalProperties":false,"oneOf":[{"required":["allow"]},{"required":["deny"]}],"properties":{"allow":{"type":"array","minItems":1,"maxItems":250,"items":{"type":"string"},"description":"ISO 3166-1."},"deny":{"type":"array","minItems":1,"maxItems":250,"items":{"type":"string"},"description":"ISO 3166-1."}}}"#,
        example: r#"{"allow":["USA","CAN"]}"#,
    },
    TemplateFacts {
        name: "budget",
        title: "Budget",
        description: "Limits the sum of payments in a window. What is reversed comes back to the window in which it was counted. A rolling window forgets in sixtieths of its length, never early: in no stretch of its length is there more than the limit. Another maximum counts on; another window, or the same of another length or time zone, starts anew. Of two over the same window the lower one holds.",
        schema: concat!(
            r#"{"type":"object","additionalProperties":false,"required":["amount","currency","window"],"properties":{"#,
            amount_schema!(),
            ",",
            window_schema!(),
            "}}"
        ),
        example: r#"{"amount":500000,"currency":"USD","window":"month","time_zone":"America/New_York"}"#,
    },
    TemplateFacts {
        name: "count",
        title: "Number of payments",
        description: "Limits the number of payments in a window. Zero-amount checks do not count. A rolling window forgets in sixtieths of its length, never early. Another maximum counts on; another window, or the same of another length or time zone, starts anew. Of two over the same window the lower one holds.",
        schema: concat!(
            r#"{"type":"object","additionalProperties":false,"required":["count","window"],"properties":{"count":{"type":"integer","minimum":1,"maximum":4294967295},"#,
            window_schema!(),
            "}}"
        ),
        example: r#"{"count":10,"window":"rolling","rolling_seconds":86400}"#,
    },
    TemplateFacts {
        name: "time_of_day",
        title: "Time of day",
        description: "Lets pass only payments at the hours listed. A span that ends before it begins runs over midnight.",
        schema: r#"{"type":"object","additionalProperties":false,"required":["allow"],"properties":{"time_zone":{"type":"string","default":"UTC","description":"IANA name."},"allow":{"type":"array","minItems":1,"maxItems":250,"items":{"type":"object","additionalProperties":false,"required":["from","to"],"properties":{"days":{"type":"array","minItems":1,"maxItems":7,"items":{"type":"string","enum":["monday","tuesday","wednesday","thursday","friday","saturday","sunday"]},"description":"Every day, if absent."},"from":{"type":"string","pattern":"^[0-9]{2}:[0-9]{2}$"},"to":{"type":"string","pattern":"^[0-9]{2}:[0-9]{2}$"}}}}}}"#,
        example: r#"{"time_zone":"Europe/Berlin","allow":[{"days":["monday","friday"],"from":"08:00","to":"18:00"}]}"#,
    },
    TemplateFacts {
        name: "one_time",
        title: "One time",
        description: "Lets one payment pass, ever. A full reversal gives it back; an expiry does not.",
        schema: r#"{"type":"object","additionalProperties":false,"properties":{}}"#,
        example: "{}",
    },
    TemplateFacts {
        name: "recurring_merchant",
        title: "Recurring merchant",
        description: "Lets pass payments to the same merchant, of about the same amount, at most one in a period; one may come up to a sixtieth of the period early (of 28 days, 11 hours and 12 minutes; of 7 days, 2 hours and 48 minutes), for who is paid every week is not always paid at the same hour.",
        schema: concat!(
            r#"{"type":"object","additionalProperties":false,"required":["amount","currency","tolerance_percent","period_days"],"anyOf":[{"required":["merchant_ids"]},{"required":["merchants"]}],"properties":{"#,
            amount_schema!(),
            ",",
            lock_schema!(),
            r#","tolerance_percent":{"type":"integer","minimum":0,"maximum":100,"description":"How much more or less than the amount passes, of it; what that comes to is rounded down to a whole minor unit, and the amount itself always passes."},"period_days":{"type":"integer","minimum":1,"maximum":366}}}"#
        ),
        example: r#"{"merchants":["Cloud Hosting"],"amount":2000,"currency":"USD","tolerance_percent":10,"period_days":28}"#,
    },
    TemplateFacts {
        name: "human_review",
        title: "Human review",
        description: "Above an amount a payment needs an intent that a reviewer has approved.",
        schema: concat!(
            r#"{"type":"object","additionalProperties":false,"required":["amount","currency"],"properties":{"#,
            amount_schema!(),
            "}}"
        ),
        example: r#"{"amount":50000,"currency":"USD"}"#,
    },
    TemplateFacts {
        name: "all_of",
        title: "All of several",
        description: "Lets pass what each of the policies lets pass.",
        schema: several_schema!("1"),
        example: r#"{"policies":[{"template":"max_amount","parameters":{"amount":10000,"currency":"USD"}},{"template":"mcc_allowlist","parameters":{"mccs":["5734","5411"]}}]}"#,
    },
    TemplateFacts {
        name: "any_of",
        title: "Any of several",
        description: "Lets pass what at least one of the policies lets pass. Where budgets, counts, one-time, recurring-merchant or human-review policies are among them, each policy is a way, and a payment takes the first one, in the order in which they are written, that lets it pass and has room for all of it: what it takes counts on that way alone, and comes back there when it is reversed. A way with a review is open to what needs none, and to an intent that a reviewer has approved; an intent waits for one only if no way lets it pass without, and one would with. What is added to a payment is a question of its own, and takes the first way that has room for it and whose maximum and review allow what the payment comes to with it; a way with a count, one-time or recurring-merchant policy is open only to what is added to a payment that was counted on that way. What stands beside `any_of` holds and counts whatever way is taken. Ways of several `any_of`s multiply: at most 8, and at most 5 budgets and counts in the whole policy. A budget of a way counts on while the way keeps its place in its `any_of`, and that its own among the `any_of`s with ways: put new ways at the end of theirs, and a new `any_of` last.",
        schema: several_schema!("2"),
        example: r#"{"policies":[{"template":"all_of","parameters":{"policies":[{"template":"merchant_lock","parameters":{"merchants":["Software Store"]}},{"template":"budget","parameters":{"amount":5000,"currency":"USD","window":"day"}}]}},{"template":"max_amount","parameters":{"amount":2000,"currency":"USD"}}]}"#,
    },
];
