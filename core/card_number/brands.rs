//! Which brands issue which numbers: a table of facts, and nothing else.

use super::value;

/// What a brand's numbers begin with, and how long they are.
struct Brand {
    /// As many digits of a number as `first` has are between `first` and `last`.
    first: u32,
    last: u32,
    lengths: &'static [usize],
}

const fn brand(first: u32, last: u32, lengths: &'static [usize]) -> Brand {
    Brand { first, last, lengths }
}

/// Sources: the networks' own published ranges, as ISO/IEC 7812 issuer identification numbers; for the brands of one country, their switches'.
///
/// Mastercard's list gives Maestro 50 and 56 to 69 whole, and what else begins so is a card's, too: EBT of the states (507680 to 507719,
/// 508, 600, 610 …), Verve (506099 to 506198, 507865 to 507964), Elo (5067, 509, 627780, 6363), `RuPay` (508, 60), Hipercard (6062), Meeza
/// (5078), Aura, `InterPayment`, eftpos, girocard, Bancontact. So these are no rows of their own.
///
/// What is left out, as it would take everyday numbers for a card's: twelve digits of Maestro, and its 13 to 15 but where it is known to
/// issue such (telephone numbers, numbers of articles); 18 digits from 630 to 643 (.NET's time stamps from 1997 to 2043); UATP, 15
/// digits from 1 (acceptors' numbers); GPN, 1946 (microseconds of the year 2031).
const BRANDS: [Brand; 40] = [
    // Visa.
    brand(4, 4, &[13, 16, 19]),
    // Mastercard.
    brand(51, 55, &[16]),
    brand(2221, 2720, &[16]),
    // American Express.
    brand(34, 34, &[15]),
    brand(37, 37, &[15]),
    // Discover.
    brand(6011, 6011, &[16, 17, 18, 19]),
    brand(644, 649, &[16, 17, 18, 19]),
    brand(65, 65, &[16, 17, 18, 19]),
    // Diners Club.
    brand(300, 305, &[14, 16, 17, 18, 19]),
    brand(3095, 3095, &[14, 16, 17, 18, 19]),
    brand(36, 36, &[14, 15, 16, 17, 18, 19]),
    brand(38, 39, &[14, 16, 17, 18, 19]),
    // JCB.
    brand(3528, 3589, &[16, 17, 18, 19]),
    brand(1800, 1800, &[15]),
    brand(2131, 2131, &[15]),
    // UnionPay.
    brand(62, 62, &[16, 17, 18, 19]),
    brand(8100, 8171, &[16, 17, 18, 19]),
    // RuPay.
    brand(81, 82, &[16]),
    brand(353, 353, &[16]),
    brand(356, 356, &[16]),
    // Maestro where numbers are shorter than elsewhere.
    brand(5018, 5020, &[13, 14, 15, 16, 17, 18, 19]),
    brand(5038, 5038, &[13, 14, 15, 16, 17, 18, 19]),
    brand(5893, 5893, &[13, 14, 15, 16, 17, 18, 19]),
    brand(6304, 6304, &[13, 14, 15, 16, 17, 18, 19]),
    brand(6759, 6763, &[13, 14, 15, 16, 17, 18, 19]),
    // Maestro and whatever shares its range.
    brand(50, 50, &[16, 17, 18, 19]),
    brand(56, 62, &[16, 17, 18, 19]),
    brand(63, 63, &[16, 17, 19]),
    brand(640, 643, &[16, 17, 19]),
    brand(66, 69, &[16, 17, 18, 19]),
    // Mir.
    brand(2200, 2204, &[16, 17, 18, 19]),
    // BORICA and PayPak.
    brand(2205, 2205, &[16]),
    // Uzcard and Humo.
    brand(8600, 8600, &[16]),
    brand(9860, 9860, &[16]),
    // ArCa, Belkart, mada, Napas, Prostir.
    brand(9051, 9051, &[16]),
    brand(9112, 9112, &[16]),
    brand(9682, 9682, &[16]),
    brand(9704, 9704, &[16, 19]),
    brand(9804, 9804, &[16]),
    // Troy.
    brand(9792, 9792, &[16]),
];

pub(super) fn is_of_a_brand(number: &[u8]) -> bool {
    BRANDS.iter().any(|brand| {
        let width = brand.first.checked_ilog10().unwrap_or(0).saturating_add(1);
        let prefix = number.iter().take(usize::try_from(width).unwrap_or(usize::MAX));
        let prefix = prefix.fold(0_u32, |prefix, digit| prefix.saturating_mul(10).saturating_add(value(*digit)));
        (brand.first..=brand.last).contains(&prefix) && brand.lengths.contains(&number.len())
    })
}
