//! Texts in which characters are written as codes: percent-encoding (`4111%201111…`), and the references of HTML and XML (`&#52;&nbsp;…`).

/// The longest name of a reference, in bytes.
const NAME_MAX: usize = 32;

/// A text with its codes read once; nothing if it has none.
pub(super) fn without_codes(text: &str) -> Option<String> {
    if !text.contains(['%', '&']) {
        return None;
    }
    let read = without_references(&without_percent(text));
    (read != text).then_some(read)
}

fn without_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, next)) = rest.split_first() {
        let coded = match rest {
            [b'%', high, low, after @ ..] => byte_of(*high, *low).map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = coded.unwrap_or((*first, next));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn byte_of(high: u8, low: u8) -> Option<u8> {
    let digit = |letter: u8| char::from(letter).to_digit(16);
    u8::try_from(digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?).ok()
}

fn without_references(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once('&') {
        read.push_str(before);
        let (letter, after) = opened.strip_prefix('#').map_or_else(|| named(opened), numbered).unwrap_or(('&', opened));
        read.push(letter);
        rest = after;
    }
    read.push_str(rest);
    read
}

/// `52;` and `x34;`: browsers read them without the semicolon, too.
fn numbered(text: &str) -> Option<(char, &str)> {
    let (digits, radix) = text.strip_prefix(['x', 'X']).map_or((text, 10), |digits| (digits, 16));
    let length = digits.bytes().take_while(|digit| char::from(*digit).is_digit(radix)).count();
    let (code, after) = digits.split_at_checked(length)?;
    let letter = u32::from_str_radix(code, radix).ok().and_then(char::from_u32)?;
    Some((letter, after.strip_prefix(';').unwrap_or(after)))
}

/// `nbsp;` and such: no digit has a name, so that whatever is named parts digits.
fn named(text: &str) -> Option<(char, &str)> {
    let length = text.bytes().take(NAME_MAX).take_while(u8::is_ascii_alphanumeric).count();
    let (name, after) = text.split_at_checked(length).filter(|_| length > 0)?;
    let letter = match name {
        "lt" => '<',
        "gt" => '>',
        _ => ' ',
    };
    Some((letter, after.strip_prefix(';')?))
}

#[cfg(test)]
mod tests {
    use super::super::stands_in_text;
    use super::*;

    #[test]
    fn a_number_is_found_through_codes() {
        for text in [
            "4111%201111%201111%201111",
            "see%20https://x.example/?n=4111%2D1111%2d1111%2D1111",
            "%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31",
            "%EF%BC%94%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91",
            "4111&nbsp;1111&nbsp;1111&nbsp;1111",
            "4111&#160;1111&#xA0;1111&ensp;1111",
            "&#52;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;",
            "&#x34&#49&#49&#49&#49&#49&#49&#49&#49&#49&#49&#49&#49&#49&#49&#49",
            "4111&lt;b&gt;1111&lt;/b&gt;11111111",
            "4111%3Cb%3E1111%3C/b%3E11111111",
        ] {
            assert!(stands_in_text(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_let_in_with_codes() {
        for text in [
            "2026-11-27%2018%3A26%3A10%20and%202026-11-28%2018%3A26%3A11",
            "100% of 1111 & 1111, 1111&; 4111",
            "%%%4%g1&&#;&#x;&#99999999999;&unheardof &nbsp 1234567890123",
            "4111%201111%201111%201112",
        ] {
            assert!(!stands_in_text(text), "{text}");
        }
        assert_eq!(without_codes("plain"), None);
        assert_eq!(without_codes("100 % & more"), None);
    }
}
