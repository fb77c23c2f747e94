//! Where an endpoint may be: as the configuration says and nowhere else. Addresses of a private network, of this machine and of
//! the link are refused unless the endpoint says that they are meant: whoever can change a name's address must not reach them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses an endpoint may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Those of the public internet.
    Public,
    /// Any: it is meant to be on this machine or in this network.
    Any,
}

/// Networks that are not the public internet's, of version 4: IANA's special-purpose registry.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let within = |(network, bits): &(Ipv4Addr, u32)| {
        let mask = u32::MAX.checked_shl(32_u32.saturating_sub(*bits)).unwrap_or(0);
        address.to_bits() & mask == network.to_bits()
    };
    !SPECIAL_V4.iter().any(within)
}

/// Only what is given out (2000::/3) is public; of that not what carries an address of version 4, nor what examples use.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let given_out = first & 0xe000 == 0x2000;
    let carries_v4 = first == 0x2002 || (first == 0x2001 && second == 0);
    let for_examples = first == 0x2001 && second == 0x0db8;
    given_out && !carries_v4 && !for_examples
}

/// Why an address cannot be an endpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetError {
    /// It is no URL.
    NotAUrl,
    /// Neither https nor, where any address is allowed, http.
    NotHttps,
    /// It has a user or a password in it.
    WithCredentials,
    /// It is an address of a private network.
    NotPublic,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TargetError::NotAUrl => "is not a URL with a host, such as \"https://hooks.example.com/holdfast\"",
            TargetError::NotHttps => {
                "must begin with https://; http:// is only for endpoints with private_addresses = \"allowed\""
            }
            TargetError::WithCredentials => "has a user or a password in it: events are signed instead, see `secrets`",
            TargetError::NotPublic => {
                "is an address of this machine or of a private network; private_addresses = \"allowed\" says that it is meant"
            }
        })
    }
}

impl std::error::Error for TargetError {}

/// An endpoint's address, as far as it can be judged without asking for it.
///
/// # Errors
/// See [`TargetError`].
pub fn parse(text: &str, addresses: Addresses) -> Result<Url, TargetError> {
    let url = Url::parse(text).map_err(|_| TargetError::NotAUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::WithCredentials);
    }
    match (url.scheme(), addresses) {
        ("https", _) | ("http", Addresses::Any) => {}
        (_, Addresses::Public | Addresses::Any) => return Err(TargetError::NotHttps),
    }
    let host = url.host_str().ok_or(TargetError::NotAUrl)?;
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match literal {
        Ok(address) if addresses == Addresses::Public && !is_public(address) => Err(TargetError::NotPublic),
        Ok(_) | Err(_) => Ok(url),
    }
}

/// Looks names up, and gives only addresses that are allowed: what is connected to is what was looked at.
#[derive(Debug, Clone, Copy)]
pub struct Resolver(pub Addresses);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Resolver(allowed) = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found.filter(|address| allowed == Addresses::Any || is_public(address.ip())).collect();
            if usable.is_empty() {
                let problem = "the endpoint's name leads to no address of the public internet";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem).into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_public() {
        let public = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "192.167.255.255", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"];
        let private = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001:0:1::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn judges_addresses() {
        use Addresses::{Any, Public};
        let cases = [
            ("https://hooks.example.com/a", Public, Ok(())),
            ("http://hooks.example.com/a", Public, Err(TargetError::NotHttps)),
            ("http://127.0.0.1:9/a", Any, Ok(())),
            ("https://127.0.0.1/a", Public, Err(TargetError::NotPublic)),
            // Other ways to write 127.0.0.1, which a URL's parser knows.
            ("https://2130706433/", Public, Err(TargetError::NotPublic)),
            ("https://0x7f.1/", Public, Err(TargetError::NotPublic)),
            ("https://[::1]/", Public, Err(TargetError::NotPublic)),
            ("https://[::ffff:10.0.0.1]/", Public, Err(TargetError::NotPublic)),
            ("https://user@hooks.example.com/", Public, Err(TargetError::WithCredentials)),
            ("https://user:secret@hooks.example.com/", Any, Err(TargetError::WithCredentials)),
            ("ftp://hooks.example.com/", Any, Err(TargetError::NotHttps)),
            ("hooks.example.com", Public, Err(TargetError::NotAUrl)),
        ];
        for (text, addresses, expected) in cases {
            assert_eq!(parse(text, addresses).map(drop), expected, "{text}");
        }
    }
}
