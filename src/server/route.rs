//! From a method and a path to the mount and route that they belong to, without allocating.

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;
use holdfast_adapters::RouteMethod;
use http::Method;

/// The path that answers 200 and touches nothing; platforms keep connections warm with it.
pub const HEALTH_PATH: &str = "/healthz";

/// One route to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteEntry {
    /// Its method.
    pub method: RouteMethod,
    /// Its full path, the mount's own included; `{name}` stands for one segment, at most once.
    pub path: String,
    /// The mount that it belongs to.
    pub mount: usize,
    /// The adapter's own number for it.
    pub route: u8,
}

/// Every path that is served. Immutable.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: HashMap<Box<str>, Methods, RandomState>,
    /// Tried in order after the exact ones; there are as many as mounts have routes with a segment: few.
    patterns: Vec<Pattern>,
    /// Where mounts are, the longest path first; what is below one and no route of its is that mount's to refuse.
    mounts: Vec<(Box<str>, usize)>,
}

/// Why a route cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteError {
    /// It does not begin with a slash.
    NotAbsolute(String),
    /// It has more than one `{name}`, or one that is not a whole segment.
    UnclearSegment(String),
    /// Two routes have the same method and path.
    Taken(String),
    /// The path is the server's own.
    Reserved(String),
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteError::NotAbsolute(path) => write!(f, "the path `{path}` does not begin with `/`"),
            RouteError::UnclearSegment(path) => {
                write!(f, "the path `{path}` may have one `{{name}}`, which must be a whole segment")
            }
            RouteError::Taken(path) => write!(f, "the path `{path}` is mounted twice"),
            RouteError::Reserved(path) => write!(f, "the path `{path}` is the server's own"),
        }
    }
}

impl std::error::Error for RouteError {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    mount: usize,
    route: u8,
}

/// What a path takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Methods {
    get: Option<Target>,
    post: Option<Target>,
    put: Option<Target>,
}

/// A path with one segment open.
#[derive(Debug)]
struct Pattern {
    /// Up to the segment, the slash before it included.
    before: Box<str>,
    /// From the segment on: empty, or beginning with a slash.
    after: Box<str>,
    methods: Methods,
}

/// What a request's path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Callback { mount: usize, route: u8, segment: &'a str },
    Health,
    MethodNotAllowed { allow: &'static str, mount: Option<usize> },
    Nothing { mount: Option<usize> },
}

impl RouteTable {
    /// Makes the table.
    ///
    /// # Errors
    /// Every route that cannot be served.
    pub fn new(entries: &[RouteEntry]) -> Result<RouteTable, Vec<RouteError>> {
        let mut table = RouteTable::default();
        let errors: Vec<RouteError> = entries.iter().filter_map(|entry| table.add(entry).err()).collect();
        if errors.is_empty() { Ok(table) } else { Err(errors) }
    }

    /// With where mounts are: what is below one is refused in its own shape. One at the root has nothing below it that may not be another's.
    #[must_use]
    pub fn with_mounts(mut self, mounts: impl Iterator<Item = (String, usize)>) -> Self {
        let paths = mounts.map(|(path, mount)| (path.trim_end_matches('/').into(), mount));
        self.mounts = paths.filter(|(path, _): &(Box<str>, usize)| !path.is_empty()).collect();
        self.mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        self
    }

    /// The mount that a path is below.
    fn mount_above(&self, path: &str) -> Option<usize> {
        let is_below = |above: &str| path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.mounts.iter().find(|(above, _)| is_below(above)).map(|(_, mount)| *mount)
    }

    fn add(&mut self, entry: &RouteEntry) -> Result<(), RouteError> {
        let path = entry.path.as_str();
        if !path.starts_with('/') {
            return Err(RouteError::NotAbsolute(path.to_owned()));
        }
        if path == HEALTH_PATH {
            return Err(RouteError::Reserved(path.to_owned()));
        }
        let methods = match split_at_segment(path)? {
            None => self.exact.entry(path.into()).or_default(),
            Some((before, after)) => self.pattern(before, after),
        };
        let target = match entry.method {
            RouteMethod::Get => &mut methods.get,
            RouteMethod::Post => &mut methods.post,
            RouteMethod::Put => &mut methods.put,
        };
        if target.is_some() {
            return Err(RouteError::Taken(path.to_owned()));
        }
        *target = Some(Target { mount: entry.mount, route: entry.route });
        Ok(())
    }

    fn pattern(&mut self, before: &str, after: &str) -> &mut Methods {
        let same = |pattern: &Pattern| *pattern.before == *before && *pattern.after == *after;
        let index = self.patterns.iter().position(same).unwrap_or(self.patterns.len());
        if index == self.patterns.len() {
            self.patterns.push(Pattern { before: before.into(), after: after.into(), methods: Methods::default() });
        }
        #[expect(clippy::indexing_slicing, reason = "found there, or just pushed")]
        &mut self.patterns[index].methods
    }

    pub(super) fn find<'a>(&self, method: &Method, path: &'a str) -> Found<'a> {
        if let Some(methods) = self.exact.get(path) {
            return methods.find(method, "");
        }
        if path == HEALTH_PATH {
            return match *method {
                Method::GET | Method::HEAD => Found::Health,
                _ => Found::MethodNotAllowed { allow: "GET, HEAD", mount: None },
            };
        }
        for pattern in &self.patterns {
            if let Some(segment) = pattern.segment(path) {
                return pattern.methods.find(method, segment);
            }
        }
        Found::Nothing { mount: self.mount_above(path) }
    }
}

impl Methods {
    fn find<'a>(&self, method: &Method, segment: &'a str) -> Found<'a> {
        let target = match *method {
            Method::GET => self.get,
            Method::POST => self.post,
            Method::PUT => self.put,
            _ => None,
        };
        match target {
            Some(Target { mount, route }) => Found::Callback { mount, route, segment },
            None => Found::MethodNotAllowed {
                mount: self.get.or(self.post).or(self.put).map(|target| target.mount),
                allow: match (self.get, self.post, self.put) {
                    (Some(_), Some(_), None) => "GET, POST",
                    (Some(_), None, None) => "GET",
                    (None, _, None) => "POST",
                    (Some(_), Some(_), Some(_)) => "GET, POST, PUT",
                    (Some(_), None, Some(_)) => "GET, PUT",
                    (None, Some(_), Some(_)) => "POST, PUT",
                    (None, None, Some(_)) => "PUT",
                },
            },
        }
    }
}

impl Pattern {
    /// What stands for the segment, if the path is of this form: not empty, and without a slash.
    fn segment<'a>(&self, path: &'a str) -> Option<&'a str> {
        let segment = path.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        (!segment.is_empty() && !segment.contains('/')).then_some(segment)
    }
}

/// What is before and after the `{name}`, if the path has one.
fn split_at_segment(path: &str) -> Result<Option<(&str, &str)>, RouteError> {
    let unclear = || RouteError::UnclearSegment(path.to_owned());
    let Some((before, rest)) = path.split_once('{') else {
        return if path.contains('}') { Err(unclear()) } else { Ok(None) };
    };
    let (name, after) = rest.split_once('}').ok_or_else(unclear)?;
    let whole = before.ends_with('/') && (after.is_empty() || after.starts_with('/'));
    if name.is_empty() || name.contains('/') || !whole || after.contains(['{', '}']) {
        return Err(unclear());
    }
    Ok(Some((before, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(method: RouteMethod, path: &str, route: u8) -> RouteEntry {
        RouteEntry { method, path: path.to_owned(), mount: usize::from(route) * 10, route }
    }

    #[test]
    fn finds_by_path_then_by_method() {
        use RouteMethod::{Get, Post, Put};
        let table = RouteTable::new(&[
            entry(Get, "/pay/authorizations/{id}", 8),
            entry(Put, "/pay/authorizations/{id}", 9),
            entry(Post, "/marqeta/jit", 1),
            entry(Post, "/apto/v3/balances", 2),
            entry(Get, "/apto/v3/balances", 3),
            entry(Get, "/apto/v1/{custodian_uid}/transactions", 4),
            entry(Post, "/apto/v1/{custodian_uid}/transactions", 5),
            entry(Post, "/apto/v1/{anything}", 6),
            entry(Post, "/apto/v1/fixed/transactions", 7),
        ])
        .unwrap();
        let callback = |route: u8, segment| Found::Callback { mount: usize::from(route) * 10, route, segment };
        let table = table
            .with_mounts([("/apto/", 7), ("/apto/v1", 8), ("/", 9)].map(|(path, mount)| (path.to_owned(), mount)).into_iter());
        let not_allowed = |allow, mount| Found::MethodNotAllowed { allow, mount };
        let nothing = |mount| Found::Nothing { mount };
        let cases = [
            (Method::POST, "/marqeta/jit", callback(1, "")),
            (Method::GET, "/pay/authorizations/AU1", callback(8, "AU1")),
            (Method::PUT, "/pay/authorizations/AU1", callback(9, "AU1")),
            (Method::POST, "/pay/authorizations/AU1", not_allowed("GET, PUT", Some(80))),
            (Method::GET, "/marqeta/jit", not_allowed("POST", Some(10))),
            (Method::PUT, "/apto/v3/balances", not_allowed("GET, POST", Some(30))),
            (Method::GET, "/apto/v3/balances", callback(3, "")),
            (Method::GET, "/apto/v1/abc/transactions", callback(4, "abc")),
            (Method::POST, "/apto/v1/a%2Fb/transactions", callback(5, "a%2Fb")),
            (Method::POST, "/apto/v1/abc", callback(6, "abc")),
            // An exact path wins over a pattern, whatever the method.
            (Method::POST, "/apto/v1/fixed/transactions", callback(7, "")),
            (Method::GET, "/apto/v1/fixed/transactions", not_allowed("POST", Some(70))),
            // A segment is neither empty nor two.
            (Method::POST, "/apto/v1//transactions", nothing(Some(8))),
            (Method::POST, "/apto/v1/a/b/transactions", nothing(Some(8))),
            (Method::POST, "/apto/v1/transactions", callback(6, "transactions")),
            (Method::POST, "/apto/v1/", nothing(Some(8))),
            // The nearest mount; and none that only begins alike.
            (Method::POST, "/apto/v10", nothing(Some(7))),
            (Method::GET, "/apto", nothing(Some(7))),
            (Method::GET, "/aptos/v1", nothing(None)),
            (Method::POST, "/marqeta/jit/", nothing(None)),
            (Method::POST, "/Marqeta/jit", nothing(None)),
            (Method::POST, "/", nothing(None)),
            (Method::POST, "", nothing(None)),
            (Method::GET, "/healthz", Found::Health),
            (Method::HEAD, "/healthz", Found::Health),
            (Method::POST, "/healthz", not_allowed("GET, HEAD", None)),
        ];
        for (method, path, expected) in cases {
            assert_eq!(table.find(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn names_every_route_that_cannot_be_served() {
        use RouteMethod::Post;
        let paths =
            ["a", "/a/{b}/{c}", "/a/x{b}", "/a/{b}x", "/a/{}", "/a/{b", "/a/b}", "/healthz", "/ok", "/ok", "/{a}", "/{b}"];
        let entries: Vec<RouteEntry> = paths.iter().map(|path| entry(Post, path, 1)).collect();
        let unclear = |path: &str| RouteError::UnclearSegment(path.to_owned());
        assert_eq!(
            RouteTable::new(&entries).unwrap_err(),
            [
                RouteError::NotAbsolute("a".to_owned()),
                unclear("/a/{b}/{c}"),
                unclear("/a/x{b}"),
                unclear("/a/{b}x"),
                unclear("/a/{}"),
                unclear("/a/{b"),
                unclear("/a/b}"),
                RouteError::Reserved("/healthz".to_owned()),
                RouteError::Taken("/ok".to_owned()),
                RouteError::Taken("/{b}".to_owned()),
            ]
        );
    }
}
