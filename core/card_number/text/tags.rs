//! Texts with marks of HTML or XML between the digits of a number: `4111<b>1111</b>11111111`.

use super::plain;

/// The longest tag that is one, in bytes.
const TAG_MAX: usize = 512;

/// Writes a text as it is looked through, with a blank for each tag, if there is one at all.
pub(super) fn without_tags(text: &str, plain_text: &mut String) -> bool {
    plain_text.clear();
    let (mut rest, mut tags) = (text, 0_usize);
    while let Some((before, opened)) = rest.split_once('<') {
        plain_text.extend(before.chars().map(plain));
        let after = after_tag(opened);
        tags = tags.saturating_add(usize::from(after.is_some()));
        plain_text.push(if after.is_some() { ' ' } else { '|' });
        rest = after.unwrap_or(opened);
    }
    plain_text.extend(rest.chars().map(plain));
    tags > 0
}

/// What follows a tag, of which the first character is read.
fn after_tag(opened: &str) -> Option<&str> {
    let name = opened.strip_prefix('/').unwrap_or(opened);
    let is_one = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '!' || first == '?');
    let end = opened.bytes().take(TAG_MAX).position(|byte| matches!(byte, b'>' | b'<')).filter(|_| is_one)?;
    opened.get(end..)?.strip_prefix('>')
}

#[cfg(test)]
mod tests {
    use super::super::stands_in_text;

    #[test]
    fn a_number_is_found_through_tags_and_within_them() {
        for text in [
            "4111<b>1111</b>11111111",
            "<p>4111</p><p>1111</p><p>1111</p><p>1111</p>",
            "4111<br/>1111 <i>1111</i> 1111",
            "<span class=\"n\">4111</span> <span class=\"n\">1111</span> <span class=\"n\">1111</span> <span class=\"n\">1111</span>",
            "4<u>1</u>1<u>1</u>1<u>1</u>1<u>1</u>1<u>1</u>1<u>1</u>1<u>1</u>1<u>1</u>",
            "<a href=\"/4111111111111111\">this</a>",
            "<card number='4111 1111 1111 1111'/>",
            "4111<!-- x -->1111<!-- x -->1111<!-- x -->1111",
        ] {
            assert!(stands_in_text(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_let_in_with_tags() {
        for text in [
            "<b>4111</b> of 1111 and <i>1111</i>, 1111",
            "4111<b>1111</b>11111112",
            "<td>2026-11-27</td><td>18:26:10</td><td>12345</td>",
            "1 < 4111 and 1111 > 1, <b>12345</b> 1111",
            "<<<<4111<b<1111<",
        ] {
            assert!(!stands_in_text(text), "{text}");
        }
    }
}
