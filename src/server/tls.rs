//! TLS by rustls: a certificate chain and its key from PEM files, replaced while serving.
//!
//! Nothing here prints a key, or says more of one than the path of its file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

/// The TLS configuration of a listener.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Why TLS cannot be spoken with these files.
#[derive(Debug)]
pub enum TlsError {
    /// The file cannot be read, or is not PEM.
    Unreadable(PathBuf, pem::Error),
    /// The file has no certificate.
    NoCertificate(PathBuf),
    /// Certificate and key do not fit each other, or are of a kind that is not supported.
    Unusable(PathBuf, rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::Unreadable(path, problem) => write!(f, "`{}` cannot be read as PEM: {problem}", path.display()),
            TlsError::NoCertificate(path) => write!(f, "`{}` has no certificate", path.display()),
            TlsError::Unusable(path, problem) => {
                write!(f, "the certificate in `{}` cannot be used with its key: {problem}", path.display())
            }
        }
    }
}

impl std::error::Error for TlsError {}

impl Tls {
    /// Loads a certificate chain (the server's own first) and its private key, both PEM.
    ///
    /// # Errors
    /// A file cannot be read, or the two do not fit each other.
    pub fn load(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let current = RwLock::new(Arc::new(read(certificate, key)?));
        Ok(Tls { certificate: certificate.to_owned(), key: key.to_owned(), current })
    }

    /// Loads the same files again, for the connections to come; those that are open keep what they have.
    ///
    /// # Errors
    /// As [`Tls::load`]; then everything stays as it is.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = Arc::new(read(&self.certificate, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// What the next connection is spoken to with.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |problem| TlsError::Unreadable(path, problem)
    };
    let unusable = |problem| TlsError::Unusable(certificate.to_owned(), problem);
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect).map_err(unreadable(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
