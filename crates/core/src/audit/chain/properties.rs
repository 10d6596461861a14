//! A change of any bit of the log is found.

use proptest::prelude::*;

use super::{
    tests::{chain, masters},
    *,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    /// The export is lines of JSON; whichever byte of it is changed, the line is found.
    #[test]
    fn one_flipped_byte_is_found_and_located(line in 0_usize..5, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let masters = masters(1, 7);
        let mut lines: Vec<Vec<u8>> =
            chain(5, &masters).iter().map(|sealed| serde_json::to_vec(sealed).unwrap()).collect();
        let index = at.index(lines[line].len());
        lines[line][index] ^= 1 << bit;
        let mut head = Head::EMPTY;
        let mut found = None;
        for (number, text) in lines.iter().enumerate() {
            // As `postern audit verify` reads it: strictly.
            let checked = core::str::from_utf8(text)
                .ok()
                .and_then(|text| postern_jose::json::read::<Sealed>(text).ok())
                .and_then(|sealed| verify_chain(head, &[sealed], Some(&masters)).ok());
            let Some(next) = checked else {
                found = Some(number);
                break;
            };
            head = next;
        }
        prop_assert_eq!(found, Some(line));
    }
}
