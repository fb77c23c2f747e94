//! Numbers of cards that stand one behind the other in one run of digits, with nothing between them.

use super::super::{DIGITS_MAX, DIGITS_MIN, is_number};

/// Whether a run of digits is longer than any number and made of nothing but numbers, two or more.
pub(super) fn has_glued(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_digit()).filter(|digits| digits.len() > DIGITS_MAX).any(is_made_of_numbers)
}

/// Goes along the digits once. Bit `n` of what is reached says whether the digits up to `n` before the place are numbers.
fn is_made_of_numbers(digits: &[u8]) -> bool {
    let (mut reached, mut is_reached) = (1_u32, true);
    for end in 1..=digits.len() {
        reached <<= 1;
        is_reached = (DIGITS_MIN..=DIGITS_MAX).filter(|length| reached & (1 << length) != 0).any(|length| {
            let number = end.checked_sub(length).and_then(|begin| digits.get(begin..end)).unwrap_or_default();
            // Zeros in front are no number's here: they would be the end of the one before.
            !number.starts_with(b"0") && is_number(number)
        });
        reached |= u32::from(is_reached);
        if reached.trailing_zeros() > u32::try_from(DIGITS_MAX).unwrap_or(u32::MAX) {
            return false;
        }
    }
    is_reached
}

#[cfg(test)]
mod tests {
    use super::super::stands_in_text;
    use super::*;

    #[test]
    fn numbers_back_to_back_are_seen() {
        for text in [
            "41111111111111114242424242424242",
            "cards 4111111111111111378282246310005, please",
            "411111111111111142424242424242425555555555554444",
            "42222222222224222222222222",
            "305693090259046759649826438453",
            "４１１１１１１１１１１１１１１１4242424242424242",
        ] {
            assert!(stands_in_text(text), "{text}");
        }
        for text in ["41111111111111114242424242424243", "411111111111111142424242424242420", "041111111111111114242424242424242"]
        {
            assert!(!has_glued(text.as_bytes()), "{text}");
        }
    }

    /// Numbers that nothing is known of: SplitMix64.
    fn draw(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn digits(state: &mut u64, many: usize) -> String {
        (0..many).filter_map(|_| char::from_digit(u32::try_from(draw(state) % 10).unwrap(), 10)).collect()
    }

    /// Of a hundred thousand each, measured: no UUID, no time stamp with another or with a counter behind it, and nothing of up to 25 digits,
    /// which is too short for two. Of random digits 9 of 26, 78 of 30, 230 of 32, 146 of 36 and 22 of 48: the most is two and a third in a
    /// thousand, where alone one of sixteen random digits in twenty-four is a number.
    #[test]
    fn what_is_ordinary_is_seldom_taken_for_numbers() {
        const SAMPLE: usize = 10_000;
        let mut state = 7;
        let mut of = |make: &dyn Fn(&mut u64) -> String| (0..SAMPLE).filter(|_| has_glued(make(&mut state).as_bytes())).count();
        let uuid = |state: &mut u64| {
            let (high, low) = (draw(state), draw(state));
            format!(
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                high >> 32,
                (high >> 16) & 0xffff,
                high & 0xffff,
                low >> 48,
                low & 0xffff_ffff_ffff
            )
        };
        assert_eq!(of(&uuid), 0);
        assert_eq!(of(&|state| uuid(state).replace('-', "")), 0);
        let moment = |state: &mut u64| {
            format!(
                "2026{:02}{:02}{:02}{:02}{:02}",
                draw(state) % 12 + 1,
                draw(state) % 28 + 1,
                draw(state) % 24,
                draw(state) % 60,
                draw(state) % 60
            )
        };
        assert_eq!(of(&|state| format!("{}{}", moment(state), moment(state))), 0);
        assert_eq!(of(&|state| format!("{}{}", moment(state), digits(state, 12))), 0);
        for many in [20, 22, 24, 25] {
            assert_eq!(of(&|state| digits(state, many)), 0, "{many} digits");
        }
        let found: Vec<usize> = [26, 28, 30, 32, 36, 40, 48].iter().map(|many| of(&|state| digits(state, *many))).collect();
        assert!(found.iter().all(|found| *found <= SAMPLE / 300), "{found:?}");
        let alone = (0..SAMPLE).filter(|_| stands_in_text(&digits(&mut state, 16))).count();
        assert!((SAMPLE / 30..SAMPLE / 20).contains(&alone), "{alone}");
    }
}
