//! TLS: what is spoken, what is not, and certificates replaced while serving.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

/// A certificate for `localhost` and its key, both PEM.
fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// What a server needs of a pair, as the configuration makes it.
fn config((certificate, key): &(String, String)) -> Arc<rustls::ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    Arc::new(crate::config::tls::server_config(chain, key).unwrap())
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
        roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
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
    let tls = Arc::new(Tls::new(config(&pair)));
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
    let tls = Arc::new(Tls::new(config(&first)));
    let server = Harness::start_with(Limits::default(), Some(Arc::clone(&tls)), 1);
    let mut old = TlsCaller::connect(server.addr, &first.0, BOTH);
    assert_eq!(old.post("before").unwrap().body, "before");

    // Not before it is told to.
    assert!(TlsCaller::connect(server.addr, &second.0, BOTH).post("x").is_err());
    tls.replace(config(&second));
    assert_eq!(TlsCaller::connect(server.addr, &second.0, BOTH).post("new").unwrap().body, "new");
    assert!(TlsCaller::connect(server.addr, &first.0, BOTH).post("x").is_err());
    assert_eq!(old.post("after").unwrap().body, "after");
    server.drain_and_expect(&[(r#"connections_refused_total{cause="tls_failed"}"#, "2")]);
}

#[test]
fn callers_that_do_not_speak_it_are_turned_away() {
    let limits = Limits { tls_handshake_max: Duration::from_millis(300), ..Limits::default() };
    let tls = Arc::new(Tls::new(config(&pair())));
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
