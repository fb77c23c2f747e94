//! `[server.tls]`: reads certificate and key into what connections need. A key never appears in a message.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::read::{Section, Text};
use super::server::TlsFiles;

/// Reads the section and its files; both parts are `None` when something is wrong with them.
pub(super) fn read(section: Section<'_>, directory: &Path) -> (Option<TlsFiles>, Option<Arc<rustls::ServerConfig>>) {
    let certificate = section.text("certificate");
    let key = section.text("key");
    section.finish();
    let (certificates, private_key) = (
        certificate.as_ref().and_then(|text| text.parse(|name| read_certificates(&directory.join(name)))),
        key.as_ref().and_then(|text| text.parse(|name| read_key(&directory.join(name)))),
    );
    let path = |text: &Text<'_>| -> PathBuf { directory.join(text.text) };
    let files = certificate.as_ref().zip(key.as_ref());
    let files = files.map(|(certificate, key)| TlsFiles { certificate: path(certificate), key: path(key) });
    let (Some(certificates), Some(private_key), Some(key)) = (certificates, private_key, key) else {
        return (files, None);
    };
    let material = key.parse(|_| server_config(certificates, private_key));
    (files, material.map(Arc::new))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(format!("names {}, which holds no PEM certificate", path.display())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("names {}, which cannot be read as PEM: {error}", path.display())),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| format!("names {}, which cannot be read as an unencrypted PEM key: {error}", path.display()))
}

/// TLS 1.2 and 1.3 with this chain and key, HTTP/1.1 on top.
pub(crate) fn server_config(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<rustls::ServerConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| format!("is not the key of the certificate: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
