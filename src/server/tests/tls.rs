//! TLS: what is spoken, what is not, and certificates replaced while serving.

use std::fs;
use std::path::PathBuf;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::*;

/// A folder with a certificate and its key, as an operator has them.
struct Files {
    _folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

/// A certificate for `localhost` and its key, both PEM.
fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

impl Files {
    fn new((certificate, key): &(String, String)) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem"), _folder: folder };
        files.write(certificate, key);
        files
    }

    fn write(&self, certificate: &str, key: &str) {
        fs::write(&self.certificate, certificate).unwrap();
        fs::write(&self.key, key).unwrap();
    }

    fn load(&self) -> Result<Tls, TlsError> {
        Tls::load(&self.certificate, &self.key)
    }
}

/// A caller that trusts this certificate and no other.
struct TlsCaller {
    stream: StreamOwned<ClientConnection, TcpStream>,
    unread: Vec<u8>,
}

impl TlsCaller {
    fn connect(addr: SocketAddr, trusted: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> TlsCaller {
        use rustls::pki_types::pem::PemObject as _;
        let mut roots = RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        TlsCaller { stream: StreamOwned::new(connection, Caller::connect(addr).stream), unread: Vec::new() }
    }

    fn post(&mut self, body: &str) -> io::Result<Heard> {
        self.stream.write_all(post("/echo", body).as_bytes())?;
        let (unread, stream) = (&mut self.unread, &mut self.stream);
        hear(unread, |buffer| stream.read(buffer)).map(Option::unwrap)
    }
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

#[test]
fn both_versions_are_spoken_and_http_1_1_is_chosen() {
    let pair = pair();
    let tls = Arc::new(Files::new(&pair).load().unwrap());
    let server = Harness::start_with(Limits::default(), Some(tls), 1);
    for version in BOTH {
        let mut caller = TlsCaller::connect(server.addr, &pair.0, &[version]);
        for body in ["one", "two"] {
            assert_eq!(caller.post(body).unwrap().body, body);
        }
        assert_eq!(caller.stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(caller.stream.conn.protocol_version(), Some(version.version));
    }
    server.drain_and_expect(&[]);
}

#[test]
fn a_certificate_is_replaced_while_connections_stay() {
    let (first, second) = (pair(), pair());
    let files = Files::new(&first);
    let tls = Arc::new(files.load().unwrap());
    let server = Harness::start_with(Limits::default(), Some(Arc::clone(&tls)), 1);
    let mut old = TlsCaller::connect(server.addr, &first.0, BOTH);
    assert_eq!(old.post("before").unwrap().body, "before");

    files.write(&second.0, &second.1);
    // Not before it is told to.
    assert!(TlsCaller::connect(server.addr, &second.0, BOTH).post("x").is_err());
    tls.reload().unwrap();
    assert_eq!(TlsCaller::connect(server.addr, &second.0, BOTH).post("new").unwrap().body, "new");
    assert!(TlsCaller::connect(server.addr, &first.0, BOTH).post("x").is_err());
    assert_eq!(old.post("after").unwrap().body, "after");
    server.drain_and_expect(&[(r#"connections_refused_total{cause="tls_failed"}"#, "2")]);
}

#[test]
fn broken_files_are_named_and_change_nothing() {
    let (good, other) = (pair(), pair());
    let files = Files::new(&good);
    let tls = Arc::new(files.load().unwrap());
    let server = Harness::start_with(Limits::default(), Some(Arc::clone(&tls)), 1);
    let cases = [
        ("", good.1.as_str(), "cert.pem` has no certificate"),
        (good.0.as_str(), "", "key.pem` cannot be read as PEM"),
        (good.0.as_str(), other.1.as_str(), "cannot be used with its key"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", good.1.as_str(), "cert.pem` cannot be read as PEM"),
    ];
    for (certificate, key, message) in cases {
        files.write(certificate, key);
        let problem = tls.reload().unwrap_err().to_string();
        assert!(problem.contains(message), "{problem}");
        assert!(files.load().is_err());
        assert_eq!(TlsCaller::connect(server.addr, &good.0, BOTH).post("still").unwrap().body, "still");
    }
}

#[test]
fn callers_that_do_not_speak_it_are_turned_away() {
    let limits = Limits { tls_handshake_max: Duration::from_millis(300), ..Limits::default() };
    let tls = Arc::new(Files::new(&pair()).load().unwrap());
    let server = Harness::start_with(limits, Some(tls), 1);
    let mut plain = server.caller();
    plain.send("GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n");
    let mut answer = Vec::new();
    drop(plain.stream.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // One that says nothing.
    server.caller().expect_end();
    server.drain_and_expect(&[
        (r#"connections_refused_total{cause="tls_failed"}"#, "1"),
        (r#"connections_refused_total{cause="tls_too_slow"}"#, "1"),
    ]);
}
