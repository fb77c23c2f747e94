//! Digits of every script, by their value.

/// Where the decimal digits of other scripts begin (Unicode 18, general category Nd), rising. The mathematical ones are apart, the
/// full-width ones are made narrow before.
const ZEROS: [u32; 70] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040,
    0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0,
    0xa9f0, 0xaa50, 0xabf0, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11de0, 0x11f50, 0x16130, 0x16a60,
    0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];
/// The mathematical digits: five times ten of them.
const MATHEMATICAL: std::ops::RangeInclusive<u32> = 0x1d7ce..=0x1d7ff;
/// Where nine digits begin with one: circled, in parentheses, with a full stop, circled twice, negative circled, the dingbats, ideographs in
/// parentheses and in circles, and what Ethiopic, Suzhou, Rumi and Brahmi numerals write digits with.
const ONES: [u32; 13] =
    [0x1369, 0x2460, 0x2474, 0x2488, 0x24f5, 0x2776, 0x2780, 0x278a, 0x3021, 0x3220, 0x3280, 0x10e60, 0x11052];
/// The ideographs that digits are written with.
const IDEOGRAPHS: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// The value of a digit that is none of ASCII. Ideographs are none here: they are words, too ([`ideograph`]).
pub(super) fn digit_of(code: u32) -> Option<u32> {
    match code {
        0xb2 => Some(2),
        0xb3 => Some(3),
        0xb9 | 0x19da => Some(1),
        0x2070 | 0x24ea | 0x24ff | 0x1f100 | 0x1f10b | 0x1f10c => Some(0),
        0x2074..=0x2079 => code.checked_sub(0x2070),
        0x2080..=0x2089 => code.checked_sub(0x2080),
        0x1f101..=0x1f10a => code.checked_sub(0x1f101),
        _ if MATHEMATICAL.contains(&code) => code.checked_sub(*MATHEMATICAL.start())?.checked_rem(10),
        _ => of_ten(code).or_else(|| ONES.iter().find_map(|one| code.checked_sub(*one).filter(|more| *more < 9)?.checked_add(1))),
    }
}

fn of_ten(code: u32) -> Option<u32> {
    let zero = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1).and_then(|place| ZEROS.get(place))?;
    code.checked_sub(*zero).filter(|digit| *digit < 10)
}

/// The digit that an ideograph is where numbers are written with them.
pub(super) fn ideograph(letter: char) -> Option<char> {
    let value = IDEOGRAPHS.iter().position(|one| *one == letter)?;
    char::from_digit(u32::try_from(value).ok()?, 10)
}

#[cfg(test)]
mod tests {
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

    use super::super::super::narrow;
    use super::super::stands_in_text;
    use super::*;

    /// Every decimal digit of Unicode, ASCII's apart. Each script's come one behind the other, zero first.
    fn decimal_digits() -> impl Iterator<Item = (char, u32)> {
        let all = ('\u{80}'..=char::MAX).filter(|letter| letter.general_category() == GeneralCategory::DecimalNumber);
        let mut before = (0_u32, 0_u32);
        all.map(move |letter| {
            let code = u32::from(letter);
            let is_next = code.checked_sub(1) == Some(before.0);
            let value = if is_next && before.1 < 9 { before.1.saturating_add(1) } else { 0 };
            before = (code, value);
            (letter, value)
        })
    }

    #[test]
    fn every_script_has_its_digits() {
        let mut many = 0;
        for (letter, value) in decimal_digits() {
            let narrow = narrow(letter);
            let told = if narrow.is_ascii() { narrow.to_digit(10) } else { digit_of(u32::from(narrow)) };
            assert_eq!(told, Some(value), "U+{:X}", u32::from(letter));
            many += 1;
        }
        assert!(many >= 760, "{many}");
        assert!(ZEROS.is_sorted());
    }

    #[test]
    fn a_number_is_found_in_digits_of_any_kind() {
        let written = |zero: u32, one: u32| {
            let digit = |value: u32| char::from_u32(if value == 0 { zero } else { one + value - 1 }).unwrap();
            "4222222222222".chars().map(|value| digit(value.to_digit(10).unwrap())).collect::<String>()
        };
        for one in ONES {
            assert!(stands_in_text(&written(0x24ea, one)), "U+{one:X}");
        }
        for zero in ZEROS.into_iter().chain([0x2080, 0x1f101, 0x1d7ce, 0x1d7f6]) {
            assert!(stands_in_text(&written(zero, zero + 1)), "U+{zero:X}");
        }
        for text in [
            "四一一一一一一一一一一一一一一一",
            "カード四一一一 一一一一 一一一一 一一一一",
            // What stands behind a number is not its last digit.
            "4111111111111111一回払い",
            "4111:1111:1111:1111一回払い",
            "4111111111111111¹",
        ] {
            assert!(stands_in_text(text), "{text}");
        }
        for text in
            ["東京都千代田区丸の内一丁目九番一号", "二〇二六年十一月二十九日十八時二十六分", "一二三四五六七八九〇一二三四"]
        {
            assert!(!stands_in_text(text), "{text}");
        }
    }
}
