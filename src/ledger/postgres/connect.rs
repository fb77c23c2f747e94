//! How the database is reached: one connection for a task of its own, or a pool of them for acts. TLS is rustls', with the
//! roots that the operator names; without them nothing is encrypted. Nothing here knows a table.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::migrate::must_be_durable;
use super::trouble::{Trouble, Whereabouts};

/// How long a server may take to let somebody in.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// How long it may take to answer what costs it nothing.
pub const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How long one act may wait for rows that others hold, unless somebody has set it otherwise: less than what anything waits for that
/// says whether the database is there.
const WAIT_FOR_OTHERS: &str =
    "SELECT set_config('lock_timeout', '3s', false) WHERE current_setting('lock_timeout') IN ('0', '0ms')";

/// What a commit is worth stays what it was when the connection was made, whatever is configured later: a connection that is lent may be in
/// the middle of acts. Whether it is worth anything is looked at besides.
const WORTH_OF_A_COMMIT: &str = "SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)";

/// Acts lock what they read and change in the order in which all do: a stricter isolation makes them collide instead of waiting.
const ISOLATION: &str = "SELECT set_config('default_transaction_isolation', 'read committed', false)";

/// After how long a machine that is gone without a word counts as gone: what was sent is not acknowledged, or nobody is there
/// when nothing was said for a while.
const SILENT_MAX: Duration = Duration::from_secs(10);

/// How often somebody is looked for who says nothing.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(2);

/// What the driver waits for if nobody says otherwise: two hours.
const KEEPALIVE_OF_THE_DRIVER: Duration = Duration::from_secs(2 * 60 * 60);

/// How connections name themselves, for whoever looks at `pg_stat_activity`.
const APPLICATION: &str = "holdfast";

/// A database, and how to reach it.
#[derive(Clone)]
pub struct Database {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Database {
    /// The database of a connection string, over TLS if there are roots to trust.
    ///
    /// # Errors
    /// A root that is none.
    pub fn new(mut config: Config, roots: &[CertificateDer<'_>]) -> Result<Self, Trouble> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root.clone()).map_err(|error| Trouble::Tls(error.to_string()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let client = client.map_err(|error| Trouble::Tls(error.to_string()))?.with_root_certificates(store);
        config.ssl_mode(if roots.is_empty() { SslMode::Disable } else { SslMode::Require });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENT_MAX);
        }
        if config.get_keepalives() && config.get_keepalives_idle() == KEEPALIVE_OF_THE_DRIVER {
            config.keepalives_idle(SILENT_MAX).keepalives_interval(KEEPALIVE_EVERY).keepalives_retries(3);
        }
        if config.get_application_name().is_none() {
            config.application_name(APPLICATION);
        }
        Ok(Database { config, tls: MakeRustlsConnect::new(client.with_no_client_auth()) })
    }

    /// What messages call it; without its password.
    pub fn whereabouts(&self) -> Whereabouts {
        Whereabouts::of(&self.config)
    }

    /// A connection of its own, and the task that drives it; what the server says unasked goes to `hear`.
    ///
    /// # Errors
    /// It cannot be had.
    pub async fn open(&self, mut hear: impl FnMut(AsyncMessage) + Send + 'static) -> Result<(Client, JoinHandle<()>), Trouble> {
        let at = self.whereabouts();
        let connecting = self.config.connect(self.tls.clone());
        // The driver's own limit ends with the socket: a server that has stopped is connected to, and says nothing.
        let connected = within(CONNECT_MAX, &at, async { connecting.await.map_err(|error| Trouble::of(&error, &at)) });
        let (client, mut connection) = connected.await?;
        let driving = tokio::spawn(async move {
            // An error ends the connection, as its client will find.
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                hear(message);
            }
        });
        Ok((client, driving))
    }

    /// Connections for acts, at most so many.
    ///
    /// # Errors
    /// Never with a runtime; a builder that fails is reported instead of trusted.
    pub fn pool(&self, connections_max: usize) -> Result<Pool, Trouble> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), recycling);
        let at = self.whereabouts();
        let made = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            let at = at.clone();
            Box::pin(async move {
                let settings = format!("{WAIT_FOR_OTHERS}; {WORTH_OF_A_COMMIT}; {ISOLATION}");
                client.batch_execute(&settings).await.map_err(HookError::Backend)?;
                must_be_durable(client, &at).await.map_err(|trouble| HookError::message(trouble.to_string()))
            })
        });
        let pool = Pool::builder(manager).max_size(connections_max).create_timeout(Some(CONNECT_MAX)).post_create(made);
        let pool = pool.runtime(Runtime::Tokio1);
        pool.build().map_err(|error| Trouble::Other(error.to_string(), self.whereabouts()))
    }
}

/// Waits for an answer, and no longer than that: a server that has stopped says nothing, for ever.
///
/// # Errors
/// As `answer`; or it did not come.
pub fn within<'f, T>(
    most: Duration,
    at: &'f Whereabouts,
    answer: impl Future<Output = Result<T, Trouble>> + 'f,
) -> impl Future<Output = Result<T, Trouble>> + 'f {
    // What waits for it is carried about a lot, and an act is big.
    let answer = tokio::time::timeout(most, Box::pin(answer));
    async move { answer.await.unwrap_or_else(|_| Err(Trouble::Unreachable("it does not answer".to_owned(), at.clone()))) }
}

/// Waits for one act, and no longer than that. What is in its way is perhaps nobody else's: those who ask for what costs a server nothing
/// ([`within`]) say whether it is there.
///
/// # Errors
/// As `act`; or it did not end.
pub fn within_act<'f, T>(
    most: Duration,
    at: &'f Whereabouts,
    act: impl Future<Output = Result<T, Trouble>> + 'f,
) -> impl Future<Output = Result<T, Trouble>> + 'f {
    let act = tokio::time::timeout(most, Box::pin(act));
    async move { act.await.unwrap_or_else(|_| Err(Trouble::TookTooLong(at.clone()))) }
}
