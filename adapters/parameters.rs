//! Parameters of a query. One that is given twice is refused: a reader would take one of the two, and whoever asks may have meant the other.

use crate::inbound::Malformed;

/// What a parameter says, as it stands in the query; nothing if it is not there.
///
/// # Errors
/// It is there twice.
pub(crate) fn parameter<'q>(query: &'q str, name: &str) -> Result<Option<&'q str>, Malformed> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut told = pairs.filter(|(told, _)| *told == name).map(|(_, value)| value);
    let value = told.next();
    if told.next().is_some() { Err(Malformed::field(name, "is given twice")) } else { Ok(value) }
}
