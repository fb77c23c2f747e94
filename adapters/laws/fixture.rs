//! One fixture file: a callback as it comes, and what becomes of it. Reads and writes the format, judges nothing.
//!
//! ```text
//! # One line: what this case shows.
//! #! setting partial_approvals = true
//! #! currency = JPY
//! POST /authorize?query
//! Content-Type: application/json
//!
//! {"the body": "exactly as sent; the one newline before the next marker is not part of it"}
//! --- fetched
//! {"only where the callback asks for a fetch": "what was fetched"}
//! --- inbound
//! authorization
//!   key: …
//! --- inbound fetched
//! authorization
//!   key: …
//! --- reply approve
//! 200
//! {"approved":true}
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holdfast_core::Currency;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::adapter::RouteMethod;
use crate::settings::SettingValue;

/// A fixture as its file has it.
pub(super) struct Fixture {
    path: PathBuf,
    /// Everything up to the first marker, kept as it is.
    request: Vec<u8>,
    /// The mount's currency, USD unless the file says otherwise.
    pub(super) currency: Currency,
    /// The mount's settings.
    pub(super) settings: BTreeMap<String, SettingValue>,
    /// The request line's method,
    pub(super) method: RouteMethod,
    /// and its path and query.
    pub(super) target: String,
    /// Headers, the proof aside.
    pub(super) headers: HeaderMap,
    /// The body, exactly.
    pub(super) body: Vec<u8>,
    /// What was fetched, for a callback that asks for it.
    pub(super) fetched: Option<Vec<u8>>,
    /// What becomes of it: the marker's words, and the text below them.
    pub(super) sections: Vec<(String, String)>,
}

impl Fixture {
    pub(super) fn read(path: &Path) -> Result<Fixture, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        let (request, sections) = split_sections(&bytes);
        let mut fixture = Fixture {
            path: path.to_owned(),
            request: request.to_vec(),
            currency: Currency::USD,
            settings: BTreeMap::new(),
            method: RouteMethod::Post,
            target: String::new(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            fetched: None,
            sections: Vec::new(),
        };
        fixture.read_request(request.strip_suffix(b"\n").unwrap_or(request))?;
        for (name, content) in sections {
            let content = content.strip_suffix(b"\n").unwrap_or(content);
            if name == "fetched" {
                fixture.fetched = Some(content.to_vec());
            } else {
                fixture.sections.push((name, String::from_utf8_lossy(content).into_owned()));
            }
        }
        Ok(fixture)
    }

    /// The file's name without its folder.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn read_request(&mut self, request: &[u8]) -> Result<(), String> {
        let mut rest = request;
        let mut described = false;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            rest = after;
            let line = std::str::from_utf8(line).map_err(|_| "a line before the body is not UTF-8")?;
            if line.is_empty() {
                self.body = rest.to_vec();
                break;
            } else if let Some(directive) = line.strip_prefix("#!") {
                self.read_directive(directive.trim())?;
            } else if line.starts_with('#') {
                described = true;
            } else if self.target.is_empty() {
                self.read_request_line(line)?;
            } else {
                let (name, value) = line.split_once(':').ok_or_else(|| format!("`{line}` is not a header"))?;
                let name = HeaderName::try_from(name.trim()).map_err(|error| format!("`{line}`: {error}"))?;
                let value = HeaderValue::try_from(value.trim()).map_err(|error| format!("`{line}`: {error}"))?;
                self.headers.append(name, value);
            }
        }
        match (described, self.target.is_empty()) {
            (false, _) => Err("begins without a line `# …` that says what it shows".to_owned()),
            (true, true) => Err("has no line `POST /…`".to_owned()),
            (true, false) => Ok(()),
        }
    }

    fn read_request_line(&mut self, line: &str) -> Result<(), String> {
        let (method, target) = line.split_once(' ').unwrap_or((line, ""));
        self.method = match method {
            "GET" => RouteMethod::Get,
            "POST" => RouteMethod::Post,
            "PUT" => RouteMethod::Put,
            other => return Err(format!("`{other}` is none of GET, POST and PUT")),
        };
        if !target.starts_with('/') {
            return Err(format!("`{line}` has no path"));
        }
        target.clone_into(&mut self.target);
        Ok(())
    }

    fn read_directive(&mut self, directive: &str) -> Result<(), String> {
        let (key, value) = directive.split_once('=').ok_or_else(|| format!("`#! {directive}` has no `=`"))?;
        let value = value.trim();
        match key.split_whitespace().collect::<Vec<_>>()[..] {
            ["currency"] => {
                self.currency = value.trim_matches('"').parse().map_err(|error| format!("`{value}` {error}"))?;
            }
            ["setting", key] => {
                let value = match value {
                    "true" => SettingValue::Switch(true),
                    "false" => SettingValue::Switch(false),
                    text if text.starts_with('"') && text.ends_with('"') && text.len() > 1 => {
                        SettingValue::Text(text[1..text.len() - 1].to_owned())
                    }
                    number => SettingValue::Integer(number.parse().map_err(|_| format!("`{number}` is no setting's value"))?),
                };
                self.settings.insert(key.to_owned(), value);
            }
            _ => return Err(format!("`#! {directive}` is neither a setting nor the currency")),
        }
        Ok(())
    }

    /// Writes the file anew with these sections. Atomic, for other laws read it meanwhile.
    pub(super) fn write(&self, sections: &[(String, String)]) {
        let mut bytes = self.request.clone();
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        if let Some(fetched) = &self.fetched {
            bytes.extend_from_slice(b"--- fetched\n");
            bytes.extend_from_slice(fetched);
            bytes.push(b'\n');
        }
        for (name, content) in sections {
            bytes.extend_from_slice(format!("--- {name}\n{content}\n").as_bytes());
        }
        let beside = self.path.with_extension("http.new");
        std::fs::write(&beside, bytes).unwrap();
        std::fs::rename(&beside, &self.path).unwrap();
    }
}

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// What is before the first marker, and each marker's words with what is below them.
fn split_sections(bytes: &[u8]) -> (&[u8], Vec<(String, &[u8])>) {
    let mut markers = Vec::new();
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if let Some(name) = line.strip_prefix(b"--- ") {
            markers.push((start, start + line.len(), String::from_utf8_lossy(name).trim().to_owned()));
        }
        start += line.len();
    }
    let ends: Vec<usize> = markers.iter().skip(1).map(|(start, _, _)| *start).chain([bytes.len()]).collect();
    let request = &bytes[..markers.first().map_or(bytes.len(), |(start, _, _)| *start)];
    (request, markers.into_iter().zip(ends).map(|((_, start, name), end)| (name, &bytes[start..end])).collect())
}
