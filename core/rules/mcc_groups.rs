//! Names for merchant category codes that belong together, so that a ruleset can say `gambling`.
//!
//! Sources, compared code by code: the list with the names of the US Department of Agriculture and the Internal Revenue
//! Service (github.com/greggles/mcc-codes, `mcc_codes.csv`), and the DoD Merchant Category Code Groups Directory of U.S. Bank
//! (airlines, rental, lodging, transport, telephone, food). Younger codes at second hand, from public lists that cite
//! Mastercard's Quick Reference Booklet and Visa's Merchant Data Standards Manual: 4813, 5552, 6050, 6536 to 6538, 6540,
//! 7800 to 7802, 9406. For 5815 to 5818 (digital goods) no list was at hand.
//!
//! ISO 18245 leaves 3000 to 3999 to the networks. Airlines have 3000 to 3350, rental companies 3351 to 3500, hotels 3501 to
//! 3999; in use are those to 3299 and some above, to 3441, and to the 3800s. The groups have the whole ranges: a code that
//! is given away tomorrow is in its group already.
//!
//! Adding a code to a group changes decisions of rulesets that name it: such a change is a starred line in the changelog.

/// A named group of merchant category codes.
#[derive(Debug, PartialEq, Eq)]
pub struct MccGroup {
    /// The name that rulesets write.
    pub name: &'static str,
    /// Its codes, as ranges that include both ends, ascending.
    pub ranges: &'static [(u16, u16)],
}

impl MccGroup {
    /// The group of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static MccGroup> {
        MCC_GROUPS.iter().find(|group| group.name == name)
    }

    /// Whether a code belongs to it.
    #[must_use]
    pub fn contains(&self, mcc: crate::merchant::MerchantCategoryCode) -> bool {
        self.ranges.iter().any(|&(first, last)| (first..=last).contains(&mcc.number()))
    }
}

/// Cash over a counter (6010) and from a machine (6011).
pub(super) const CASH: MccGroup = MccGroup { name: "cash", ranges: &[(6010, 6011)] };

/// What turns into cash at once: wire transfers and money orders (4829), quasi-cash of banks (6050) and others (6051, also
/// foreign exchange and crypto-currency), funding of stored value (6540).
pub(super) const QUASI_CASH: MccGroup = MccGroup { name: "quasi_cash", ranges: &[(4829, 4829), (6050, 6051), (6540, 6540)] };

/// Each hotel chain's own code, and the rest of them.
pub(super) const LODGING: MccGroup = MccGroup { name: "lodging", ranges: &[(3501, 3999), (7011, 7011)] };

/// Each rental company's own code, cars, trucks, motor homes.
pub(super) const VEHICLE_RENTAL: MccGroup =
    MccGroup { name: "vehicle_rental", ranges: &[(3351, 3500), (7512, 7513), (7519, 7519)] };

const fn group(name: &'static str, ranges: &'static [(u16, u16)]) -> MccGroup {
    MccGroup { name, ranges }
}

/// Every group that a ruleset can name, by name.
pub const MCC_GROUPS: &[MccGroup] = &[
    // Inbound teleservices (telephone and online services, adult content by the networks' rules), escorts and dating, massage parlours.
    group("adult", &[(5967, 5967), (7273, 7273), (7297, 7297)]),
    // Each airline's own code, and the rest of them.
    group("airlines", &[(3000, 3350), (4511, 4511)]),
    // Bars and package stores.
    group("alcohol", &[(5813, 5813), (5921, 5921)]),
    CASH,
    group("charities", &[(8398, 8398)]),
    // There is no code for crypto-currency alone: this one has foreign exchange and money orders too.
    group("crypto", &[(6051, 6051)]),
    // Media, games, applications and bundles of them.
    group("digital_goods", &[(5815, 5818)]),
    group("education", &[(8211, 8211), (8220, 8220), (8241, 8241), (8244, 8244), (8249, 8249), (8299, 8299)]),
    // Fuel stations, pumps, charging of vehicles.
    group("fuel", &[(5541, 5542), (5552, 5552)]),
    // Lotteries, online casinos and races that are licensed (US), betting and casino chips, lotteries (elsewhere).
    group("gambling", &[(7800, 7802), (7995, 7995), (9406, 9406)]),
    // Courts, fines, bail, taxes, services, posts, between governments.
    group("government", &[(9211, 9211), (9222, 9223), (9311, 9311), (9399, 9399), (9402, 9402), (9405, 9405)]),
    // Supermarkets, butchers, sweets, dairies, bakeries, other food.
    group("groceries", &[(5411, 5411), (5422, 5422), (5441, 5441), (5451, 5451), (5462, 5462), (5499, 5499)]),
    group("insurance", &[(5960, 5960), (6300, 6300)]),
    LODGING,
    // Doctors, dentists, opticians, care, hospitals, laboratories.
    group(
        "medical",
        &[(8011, 8011), (8021, 8021), (8031, 8031), (8041, 8043), (8049, 8050), (8062, 8062), (8071, 8071), (8099, 8099)],
    ),
    // Wire transfers and money orders; MoneySend within a country, between two, and its funding.
    group("money_transfer", &[(4829, 4829), (6536, 6538)]),
    group("pawn_shops", &[(5933, 5933)]),
    group("pharmacies", &[(5122, 5122), (5912, 5912)]),
    group("political", &[(8651, 8651)]),
    QUASI_CASH,
    // Caterers, restaurants, bars, fast food.
    group("restaurants", &[(5811, 5814)]),
    group("securities", &[(6211, 6211)]),
    // Telephone equipment, calls by key entry, telephone and data services, network access, telegraph, television.
    group("telecommunication", &[(4812, 4816), (4821, 4821), (4899, 4899)]),
    group("tobacco", &[(5993, 5993)]),
    // Local trains and buses, railways, taxis, coaches, tolls, parking.
    group("transit", &[(4111, 4112), (4121, 4121), (4131, 4131), (4784, 4784), (7523, 7523)]),
    group("travel_agencies", &[(4722, 4722)]),
    group("utilities", &[(4900, 4900)]),
    VEHICLE_RENTAL,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merchant::MerchantCategoryCode;

    #[test]
    fn codes_are_in_the_groups_that_the_sources_put_them_in() {
        let cases: [(&str, &[u16], &[u16]); 9] = [
            // United Airlines, Widerøe; the first rental company.
            ("airlines", &[3000, 3299, 3350, 4511], &[2999, 3351, 4582]),
            // Affiliated Auto Rental, the last that is in use; Holiday Inn.
            ("vehicle_rental", &[3351, 3441, 3500, 7512, 7513, 7519], &[3350, 3501, 7511, 7523]),
            ("lodging", &[3501, 3999, 7011], &[3500, 4000, 7012]),
            // Not video game arcades, nor theatrical production.
            ("gambling", &[7800, 7801, 7802, 7995, 9406], &[7829, 7993, 7994, 7996, 9405]),
            ("cash", &[6010, 6011], &[6012]),
            ("quasi_cash", &[4829, 6050, 6051, 6540], &[6012, 6211]),
            ("money_transfer", &[4829, 6536, 6537, 6538], &[6513, 6540]),
            ("fuel", &[5541, 5542, 5552], &[5533, 5551, 5983]),
            ("telecommunication", &[4812, 4813, 4814, 4815, 4816, 4821, 4899], &[4829, 4900]),
        ];
        for (name, within, without) in cases {
            let group = MccGroup::named(name).unwrap();
            let has = |code: &u16| group.contains(MerchantCategoryCode::from_number(*code).unwrap());
            assert!(within.iter().all(has), "{name} lacks one of {within:?}");
            assert!(!without.iter().any(has), "{name} has one of {without:?}");
        }
    }

    #[test]
    fn groups_are_sorted_and_their_codes_ascend() {
        assert!(MCC_GROUPS.is_sorted_by(|one, next| one.name < next.name));
        for group in MCC_GROUPS {
            assert!(!group.ranges.is_empty(), "{}", group.name);
            let ends: Vec<u16> = group.ranges.iter().flat_map(|&(first, last)| [first, last]).collect();
            assert!(ends.is_sorted() && ends.iter().all(|end| *end < 10_000), "{}", group.name);
        }
    }
}
