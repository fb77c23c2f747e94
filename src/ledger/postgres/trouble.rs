//! What stands between the ledger and its database: each trouble with what to do about it. No message has a password in it.

use std::fmt;

use rustls::CertificateError;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};

/// Which database it is, as messages say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    host: String,
    database: String,
    user: String,
    seeks: Seeks,
}

/// Whether a connection string finds the primary by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seeks {
    /// It names several hosts, and wants the one that takes writes.
    ThePrimary,
    /// It takes whatever is there.
    Whoever,
}

impl Seeks {
    fn of(config: &Config) -> Self {
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
        let wants_writes = config.get_target_session_attrs() == TargetSessionAttrs::ReadWrite;
        if wants_writes && hosts > 1 { Seeks::ThePrimary } else { Seeks::Whoever }
    }
}

impl Whereabouts {
    /// Of a connection string.
    pub(super) fn of(config: &Config) -> Self {
        let ports = config.get_ports();
        let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5432);
        let hosts = config.get_hosts().iter().enumerate().map(|(place, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(place)),
            Host::Unix(path) => format!("{} port {}", path.display(), port(place)),
        });
        let mut hosts: Vec<String> = hosts.collect();
        if hosts.is_empty() {
            let addresses = config.get_hostaddrs().iter().enumerate();
            hosts = addresses.map(|(place, address)| format!("{address}:{}", port(place))).collect();
        }
        let user = config.get_user().unwrap_or("(the system's user)").to_owned();
        let database = config.get_dbname().map_or_else(|| user.clone(), str::to_owned);
        Whereabouts { host: hosts.join(", "), database, user, seeks: Seeks::of(config) }
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database \"{}\" at {}", self.database, self.host)
    }
}

/// What is wrong with the database, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody answers there.
    Unreachable(String, Whereabouts),
    /// It does not let this user in: wrong password, or no such user.
    NotLetIn(Whereabouts),
    /// It wants a password, and the connection string has none.
    NoPassword(Whereabouts),
    /// Its rules of who may connect from where keep this user out; the server's words.
    KeptOut(String, Whereabouts),
    /// There is no such database.
    NoDatabase(Whereabouts),
    /// It takes no more connections.
    Crowded(Whereabouts),
    /// A hot standby, or a primary that takes no writes.
    ReadOnly(Whereabouts),
    /// Its disk is full.
    DiskFull(Whereabouts),
    /// It acknowledges what is on no disk.
    NotDurable(Whereabouts),
    /// A pooler in front of it lends another connection for each transaction.
    PooledByTransaction(Whereabouts),
    /// It has no schema of ours.
    NotMigrated(Whereabouts),
    /// It has the ledger's tables, and not the notes of which steps made them.
    NotesGone(Whereabouts),
    /// What a step of a migration makes is there already: which step, and the server's words.
    InTheWay(i32, String, Whereabouts),
    /// Its schema is an older one.
    Behind {
        /// The schema that it has.
        has: i32,
        /// Ours.
        ours: i32,
        /// Where.
        at: Whereabouts,
    },
    /// Its schema is a newer program's.
    Newer {
        /// The schema that it has.
        has: i32,
        /// Ours.
        ours: i32,
        /// Where.
        at: Whereabouts,
    },
    /// The user may not do something that a responder does: what, or the server's words.
    NotAllowed(String, Whereabouts),
    /// The user may not make or change the schema; the server's words.
    MayNotMigrate(String, Whereabouts),
    /// Something of the schema is not there, though its number says that it is: what, or the server's words.
    Incomplete(String, Whereabouts),
    /// TLS, or its roots.
    Tls(String),
    /// The server's TLS is not what the connection string and the roots say; what it is.
    Encryption(NotTrusted, Whereabouts),
    /// One act took longer than it may: mostly, it waited for what others hold.
    TookTooLong(Whereabouts),
    /// Two transactions stood in each other's way: another try goes through.
    Collided,
    /// What is stored there is nothing that this program writes.
    Damaged(&'static str, Whereabouts),
    /// Anything else.
    Other(String, Whereabouts),
}

/// Why a server's encryption is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTrusted {
    /// It speaks none.
    None,
    /// Its certificate is of another CA.
    Unknown,
    /// Its certificate is another host's.
    OtherName,
    /// Anything else, in the library's words.
    Other(String),
}

impl NotTrusted {
    fn of(error: &Error, cause: String) -> Self {
        match refusal(error) {
            Some(CertificateError::UnknownIssuer | CertificateError::BadSignature) => NotTrusted::Unknown,
            Some(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => NotTrusted::OtherName,
            // The driver has no type for it.
            None if cause.contains("does not support TLS") => NotTrusted::None,
            Some(_) | None => NotTrusted::Other(cause),
        }
    }
}

/// What is wrong with the certificate, where that is what is wrong: the library's error is within one of a file's.
fn refusal(error: &Error) -> Option<&CertificateError> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(|file| file.get_ref());
        let tls = cause.downcast_ref::<rustls::Error>().or_else(|| inner?.downcast_ref());
        if let Some(rustls::Error::InvalidCertificate(refusal)) = tls {
            return Some(refusal);
        }
        next = cause.source();
    }
    None
}

/// What the driver says before a server has said anything.
fn of_connecting(error: &Error, at: Whereabouts) -> Trouble {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    // What the driver says when no host is a primary.
    if cause == "database does not allow writes" {
        Trouble::ReadOnly(at)
    } else if cause == "password missing" {
        Trouble::NoPassword(at)
    } else if error.to_string().contains("TLS") && !cause.contains("eof") {
        // A server that ends while it says hello is going, or coming.
        Trouble::Encryption(NotTrusted::of(error, cause), at)
    } else {
        Trouble::Unreachable(cause, at)
    }
}

impl Trouble {
    /// Sorts what the driver says.
    pub(crate) fn of(error: &Error, at: &Whereabouts) -> Self {
        let at = at.clone();
        let Some(told) = error.as_db_error() else { return of_connecting(error, at) };
        let words = told.message().to_owned();
        match told.code() {
            code if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && words.contains("pg_hba") => {
                Trouble::KeptOut(words, at)
            }
            code if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                Trouble::NotLetIn(at)
            }
            code if *code == SqlState::INVALID_CATALOG_NAME => Trouble::NoDatabase(at),
            code if *code == SqlState::TOO_MANY_CONNECTIONS => Trouble::Crowded(at),
            code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Trouble::ReadOnly(at),
            code if *code == SqlState::DISK_FULL => Trouble::DiskFull(at),
            code if *code == SqlState::DUPLICATE_PSTATEMENT || *code == SqlState::INVALID_SQL_STATEMENT_NAME => {
                Trouble::PooledByTransaction(at)
            }
            code if *code == SqlState::INSUFFICIENT_PRIVILEGE => Trouble::NotAllowed(words, at),
            code if *code == SqlState::INVALID_SCHEMA_NAME || *code == SqlState::UNDEFINED_TABLE => Trouble::NotMigrated(at),
            code if *code == SqlState::UNDEFINED_FUNCTION || *code == SqlState::UNDEFINED_COLUMN => {
                Trouble::Incomplete(words, at)
            }
            code if COLLISIONS.contains(code) => Trouble::Collided,
            // The server's own limits of how long one act may take, or wait for others'.
            code if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED => Trouble::TookTooLong(at),
            // The rest is the server's way to say that it is going, coming, or not itself.
            code if matches!(code.code().get(..2), Some("57" | "58" | "08" | "53")) => Trouble::Unreachable(words, at),
            code => Trouble::Other(format!("{words} (SQLSTATE {})", code.code()), at),
        }
    }

    /// Whether it concerns one act only, and not the database as a whole.
    pub(super) const fn is_of_one_act(&self) -> bool {
        matches!(self, Trouble::Collided | Trouble::Damaged(..) | Trouble::Other(..) | Trouble::TookTooLong(_))
    }

    /// Whether it lasts until somebody does something about it, at this database.
    #[must_use]
    pub const fn waits_for_people(&self) -> bool {
        !matches!(self, Trouble::Unreachable(..) | Trouble::Crowded(_) | Trouble::ReadOnly(_) | Trouble::TookTooLong(_))
    }

    /// Whether it may go away by itself: then it is worth waiting for.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Trouble::Unreachable(..)
            | Trouble::Crowded(_)
            | Trouble::ReadOnly(_)
            | Trouble::DiskFull(_)
            | Trouble::TookTooLong(_)
            | Trouble::Collided => true,
            Trouble::NotLetIn(_)
            | Trouble::NoPassword(_)
            | Trouble::KeptOut(..)
            | Trouble::NoDatabase(_)
            | Trouble::NotDurable(_)
            | Trouble::PooledByTransaction(_)
            | Trouble::NotMigrated(_)
            | Trouble::NotesGone(_)
            | Trouble::InTheWay(..)
            | Trouble::Behind { .. }
            | Trouble::Newer { .. }
            | Trouble::NotAllowed(..)
            | Trouble::MayNotMigrate(..)
            | Trouble::Incomplete(..)
            | Trouble::Tls(_)
            | Trouble::Encryption(..)
            | Trouble::Damaged(..)
            | Trouble::Other(..) => false,
        }
    }

    /// Sorts what the driver says of a step of a migration.
    pub(super) fn of_step(error: &Error, step: i32, at: &Whereabouts) -> Self {
        match error.as_db_error() {
            Some(told) if IN_THE_WAY.contains(told.code()) => Trouble::InTheWay(step, told.message().to_owned(), at.clone()),
            _ => Trouble::of(error, at),
        }
    }

    /// Whether another try at once may go through.
    pub(super) const fn is_collision(&self) -> bool {
        matches!(self, Trouble::Collided)
    }
}

/// A sum of the function's is beyond what a column holds: the engine has an answer to that.
const BEYOND_COUNTING: SqlState = SqlState::NUMERIC_VALUE_OUT_OF_RANGE;

/// Two transactions met: both waited for each other, or made the same row, or saw what is no more. Statements are sent together: of one that met
/// another transaction the others may tell first that theirs is over. What is wrong for good is told by the next try.
const COLLISIONS: &[SqlState] = &[
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::UNIQUE_VIOLATION,
    SqlState::IN_FAILED_SQL_TRANSACTION,
    BEYOND_COUNTING,
];

/// Something of that name is there already.
const IN_THE_WAY: &[SqlState] =
    &[SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_COLUMN, SqlState::DUPLICATE_FUNCTION, SqlState::DUPLICATE_OBJECT];

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Unreachable(cause, at) => {
                write!(f, "{at} cannot be reached: {cause}; is the server running, and is this the right host and port?")
            }
            Trouble::NotLetIn(at) => {
                write!(f, "{at} does not let user \"{}\" in: wrong password, or no such user", at.user)?;
                f.write_str("; correct the connection string that ledger.postgres.connection names")
            }
            Trouble::NoPassword(at) => {
                write!(f, "{at} wants a password of user \"{}\", and the connection string has none", at.user)?;
                f.write_str("; add password=… to the connection string that ledger.postgres.connection names")
            }
            Trouble::KeptOut(words, at) => {
                write!(f, "{at} keeps user \"{}\" out by its pg_hba.conf: {words}; add a line there for this user, ", at.user)?;
                f.write_str("database and host (hostssl where `ca` is set), then reload the server")
            }
            Trouble::NoDatabase(at) => {
                write!(f, "{at} does not exist; create it (createdb {}), then run `holdfast migrate`", at.database)
            }
            Trouble::Crowded(at) => {
                write!(f, "{at} takes no more connections; raise its max_connections, or lower ledger.postgres.connections_max")
            }
            Trouble::ReadOnly(at) => {
                write!(f, "{at} takes no writes: a standby, or a primary set to read only; ")?;
                f.write_str(match at.seeks {
                    Seeks::Whoever => "name all hosts and add target_session_attrs=read-write to the connection string",
                    Seeks::ThePrimary => "promote one of these hosts, or add the primary to them in the connection string",
                })
            }
            Trouble::DiskFull(at) => write!(f, "{at} has no room left on its disk; make some"),
            Trouble::NotDurable(at) => {
                write!(f, "{at} acknowledges what is on no disk yet; set synchronous_commit to on (or remote_apply) for user ")?;
                write!(f, "\"{}\", and fsync to on", at.user)
            }
            Trouble::PooledByTransaction(at) => {
                write!(
                    f,
                    "{at} is behind a pooler that lends another connection for each transaction; have it pool by session "
                )?;
                f.write_str("(PgBouncer: pool_mode = session), or connect to the database itself: responders prepare statements and listen")
            }
            Trouble::NotMigrated(at) => write!(f, "{at} has no schema of Holdfast's; run `holdfast migrate`"),
            Trouble::NotesGone(at) => {
                write!(f, "{at} has tables in the schema holdfast, and not holdfast.migration, which says what made them; ")?;
                f.write_str(
                    "put that table back from a backup (pg_restore --schema=holdfast --table=migration), or the whole database; \
                     `holdfast migrate` makes nothing beside tables that it knows nothing of",
                )
            }
            Trouble::InTheWay(step, words, at) => {
                write!(f, "{at}: step {step} of the schema cannot be taken, what it makes is there already: {words}; ")?;
                f.write_str(
                    "if holdfast.migration lost lines, put it back from a backup; if somebody else made what is in the way, \
                     move it out of the schema holdfast, and run `holdfast migrate` again",
                )
            }
            Trouble::Behind { has, ours, at } => {
                write!(f, "{at} has schema {has}, this program wants {ours}; run `holdfast migrate`")
            }
            Trouble::Newer { has, ours, at } => {
                write!(f, "{at} has schema {has}, newer than this program's {ours}; run the program that brought it there")
            }
            Trouble::NotAllowed(words, at) => {
                write!(f, "{at} does not allow user \"{}\" what is needed: {words}", at.user)?;
                write!(f, "; grant it the role (GRANT holdfast_responder TO \"{}\"), or ", at.user)?;
                f.write_str("give the role back what was taken from it")
            }
            Trouble::MayNotMigrate(words, at) => {
                write!(
                    f,
                    "{at} does not allow user \"{}\" to make or change the schema: {words}; run `holdfast migrate` ",
                    at.user
                )?;
                f.write_str(
                    "as the owner of the database, who made the schema if there is one and may make roles (CREATEROLE) if ",
                )?;
                f.write_str("holdfast_responder and holdfast_reader are not there; responders do not need that")
            }
            Trouble::Incomplete(what, at) => {
                write!(f, "{at} lacks something that its schema has: {what}; somebody took it away or changed it: tables and ")?;
                f.write_str(
                    "columns come back from a backup only (and `holdfast migrate` does not make them anew, empty); an index, \
                     constraint, view or function is made again by its statement in `pg_dump --schema-only --schema=holdfast` \
                     of a new database after `holdfast migrate`",
                )
            }
            Trouble::Encryption(why, at) => write_not_trusted(f, why, at),
            Trouble::TookTooLong(at) => {
                write!(
                    f,
                    "{at}: one act took longer than it may, and is given up; all others go on. Mostly another transaction holds "
                )?;
                f.write_str("its rows (pg_locks and pg_stat_activity say which), or the server is busy")
            }
            Trouble::Tls(cause) => write!(f, "TLS to the database cannot be set up: {cause}"),
            Trouble::Collided => f.write_str("transactions stood in each other's way, again and again"),
            Trouble::Damaged(what, at) => write!(f, "{at} has something in {what} that this program does not write"),
            Trouble::Other(words, at) => write!(f, "{at} refuses: {words}"),
        }
    }
}

fn write_not_trusted(f: &mut fmt::Formatter<'_>, why: &NotTrusted, at: &Whereabouts) -> fmt::Result {
    write!(f, "{at} is not trusted: ")?;
    match why {
        NotTrusted::None => f.write_str("the server speaks no TLS; switch it on there (ssl = on), or leave `ca` out on this machine"),
        NotTrusted::Unknown => f.write_str(
            "its certificate is not of the CA that `ca` in [ledger.postgres] names; name the CA that the server's certificate is of",
        ),
        NotTrusted::OtherName => f.write_str(
            "its certificate is not for this host's name; connect by a name that the certificate has, or give the server one that \
             has this name",
        ),
        NotTrusted::Other(cause) => write!(f, "{cause}; look at the server's certificate and at `ca` in [ledger.postgres]"),
    }
}

impl std::error::Error for Trouble {}
