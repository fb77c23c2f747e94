//! The server: connections, and requests that never became a callback.

use ::metrics::{Counter, Gauge};

use super::registry::{Family, Kind, Registry};

const CONNECTIONS: Family =
    Family { name: "holdfast_connections", help: "Connections that are open on the callback listener", kind: Kind::Gauge };
const CONNECTIONS_REFUSED: Family = Family {
    name: "holdfast_connections_refused_total",
    help: "Connections closed before their first request, by cause",
    kind: Kind::Counter,
};
const HTTP_REFUSALS: Family = Family {
    name: "holdfast_http_refusals_total",
    help: "Requests refused before anyone looked who sent them, by cause",
    kind: Kind::Counter,
};
const STRANGERS: Family = Family {
    name: "holdfast_spend_refusals_total",
    help: "Requests below /v1 that decide nothing, answered 401 because their caller could not be verified",
    kind: Kind::Counter,
};
const IN_FLIGHT: Family =
    Family { name: "holdfast_in_flight", help: "Authorizations that are being decided right now", kind: Kind::Gauge };
const PANICS: Family =
    Family { name: "holdfast_panics_total", help: "Bugs that were caught while a callback was answered", kind: Kind::Counter };

pub(super) const FAMILIES: &[Family] = &[CONNECTIONS, CONNECTIONS_REFUSED, HTTP_REFUSALS, STRANGERS, IN_FLIGHT, PANICS];

/// Why a connection was closed before its first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionRefusal {
    /// More would be open than the limit allows.
    Limit,
    /// The caller does not speak our TLS.
    TlsFailed,
    /// The TLS handshake took too long.
    TlsTooSlow,
    /// The operating system could not hand the connection over: no file descriptors left, for one.
    AcceptFailed,
}

impl ConnectionRefusal {
    /// All causes, in the order of declaration.
    pub const ALL: [ConnectionRefusal; 4] =
        [ConnectionRefusal::Limit, ConnectionRefusal::TlsFailed, ConnectionRefusal::TlsTooSlow, ConnectionRefusal::AcceptFailed];

    /// The cause as metrics write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ConnectionRefusal::Limit => "limit",
            ConnectionRefusal::TlsFailed => "tls_failed",
            ConnectionRefusal::TlsTooSlow => "tls_too_slow",
            ConnectionRefusal::AcceptFailed => "accept_failed",
        }
    }
}

/// Why a request never became a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpRefusal {
    /// Not HTTP/1.1, or not as it should be: 400.
    HeadUnreadable,
    /// The head is larger, or has more headers, than allowed: 431.
    HeadTooLarge,
    /// The head did not arrive in time: 408.
    HeadTooSlow,
    /// No such path: 404.
    PathUnknown,
    /// The path does not take this method: 405.
    MethodNotAllowed,
    /// The body is larger than allowed: 413.
    BodyTooLarge,
    /// The body did not arrive in time: 408.
    BodyTooSlow,
    /// The connection ended, or the chunks did, before the body did: 400.
    BodyTruncated,
    /// Too many requests that are no callbacks wait to be answered: 503.
    TooMany,
}

impl HttpRefusal {
    /// All causes, in the order of declaration.
    pub const ALL: [HttpRefusal; 9] = [
        HttpRefusal::HeadUnreadable,
        HttpRefusal::HeadTooLarge,
        HttpRefusal::HeadTooSlow,
        HttpRefusal::PathUnknown,
        HttpRefusal::MethodNotAllowed,
        HttpRefusal::BodyTooLarge,
        HttpRefusal::BodyTooSlow,
        HttpRefusal::BodyTruncated,
        HttpRefusal::TooMany,
    ];

    /// The cause as metrics write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HttpRefusal::HeadUnreadable => "head_unreadable",
            HttpRefusal::HeadTooLarge => "head_too_large",
            HttpRefusal::HeadTooSlow => "head_too_slow",
            HttpRefusal::PathUnknown => "path_unknown",
            HttpRefusal::MethodNotAllowed => "method_not_allowed",
            HttpRefusal::BodyTooLarge => "body_too_large",
            HttpRefusal::BodyTooSlow => "body_too_slow",
            HttpRefusal::BodyTruncated => "body_truncated",
            HttpRefusal::TooMany => "too_many",
        }
    }
}

/// The server's metrics.
#[derive(Debug, Clone)]
pub struct ServerMetrics {
    connections: Gauge,
    connections_refused: [Counter; ConnectionRefusal::ALL.len()],
    http_refusals: [Counter; HttpRefusal::ALL.len()],
    strangers: Counter,
    in_flight: Gauge,
    panics: Counter,
}

impl ServerMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        ServerMetrics {
            connections: registry.gauge(&CONNECTIONS, &[]),
            connections_refused: ConnectionRefusal::ALL
                .map(|cause| registry.counter(&CONNECTIONS_REFUSED, &[("cause", cause.name())])),
            http_refusals: HttpRefusal::ALL.map(|cause| registry.counter(&HTTP_REFUSALS, &[("cause", cause.name())])),
            strangers: registry.counter(&STRANGERS, &[]),
            in_flight: registry.gauge(&IN_FLIGHT, &[]),
            panics: registry.counter(&PANICS, &[]),
        }
    }

    /// A connection was opened.
    pub fn connection_opened(&self) {
        self.connections.increment(1.0);
    }

    /// A connection was closed.
    pub fn connection_closed(&self) {
        self.connections.decrement(1.0);
    }

    /// A connection was closed before its first request.
    pub fn connection_refused(&self, cause: ConnectionRefusal) {
        if let Some(counter) = self.connections_refused.get(cause as usize) {
            counter.increment(1);
        }
    }

    /// A request was refused before it became a callback.
    pub fn http_refused(&self, cause: HttpRefusal) {
        if let Some(counter) = self.http_refusals.get(cause as usize) {
            counter.increment(1);
        }
    }

    /// A stranger's request that was none of the workers' own was refused.
    pub fn stranger_beside(&self) {
        self.strangers.increment(1);
    }

    /// So many authorizations are being decided right now. Set it when the metrics are read, not on every callback.
    pub fn in_flight(&self, authorizations: u32) {
        self.in_flight.set(f64::from(authorizations));
    }

    /// A bug was caught.
    pub fn panicked(&self) {
        self.panics.increment(1);
    }
}
