//! TLS to the database: whose certificate the named CA did not make is not the server.

use std::os::unix::fs::{PermissionsExt as _, chown};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;

use super::server::{Server, owner, run};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate::{bring, look};
use crate::ledger::postgres::trouble::{NotTrusted, Trouble};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

#[test]
fn only_the_server_that_the_named_ca_knows_is_spoken_to() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, others) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((user, group)) = owner() {
            chown(&path, Some(user), Some(group)).unwrap();
        }
        path.display().to_string()
    };
    let (certificate, key) = (write("server.pem", &certificate.pem()), write("server.key", &key.serialize_pem()));
    let settings = ["ssl=on".to_owned(), format!("ssl_cert_file={certificate}"), format!("ssl_key_file={key}")];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let Some(server) = Server::start(&settings) else { return };
    let by = |root: &CertificateDer<'static>| {
        let mut config = tokio_postgres::Config::new();
        config.host("localhost").port(server.port()).user("postgres").password(super::server::PASSWORD).dbname("postgres");
        Database::new(config, std::slice::from_ref(root)).unwrap()
    };
    let known = by(ours.der());
    run(bring(&known)).unwrap();
    assert_eq!(run(look(&known)), Ok(()));
    let encrypted: bool = run(async {
        let (client, _driving) = known.open(|_| {}).await.unwrap();
        client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap().get(0)
    });
    assert!(encrypted);
    let refused = run(look(&by(others.der()))).unwrap_err();
    assert!(matches!(refused, Trouble::Encryption(NotTrusted::Unknown, _)) && !refused.may_pass(), "{refused}");
    assert!(refused.to_string().contains("is not of the CA that `ca`"), "{refused}");
    let mut by_address = tokio_postgres::Config::new();
    by_address.host("127.0.0.1").port(server.port()).user("postgres").password(super::server::PASSWORD).dbname("postgres");
    let other_name = run(look(&Database::new(by_address, std::slice::from_ref(ours.der())).unwrap())).unwrap_err();
    assert!(matches!(other_name, Trouble::Encryption(NotTrusted::OtherName, _)), "{other_name}");
}
