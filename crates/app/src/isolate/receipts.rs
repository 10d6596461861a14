//! The rotations whose receipt an isolate has confirmed.

use core::cell::RefCell;
use std::collections::HashMap;

use crate::ids::FamilyId;

/// How many sessions with confirmed receipts an isolate caches. Beyond it, the cache is emptied, which costs another
/// confirmation for each session in use.
const MAX_REMEMBERED: usize = 10_000;

/// The highest rotation count confirmed, by session.
#[derive(Debug, Default)]
pub(crate) struct Receipts(RefCell<HashMap<FamilyId, u32>>);

impl Receipts {
    /// Whether this receipt is new to the isolate. It is not new the next time.
    pub(crate) fn is_new(&self, family: FamilyId, rotation_count: u32) -> bool {
        let mut known = self.0.borrow_mut();
        if known.get(&family).is_some_and(|known| *known >= rotation_count) {
            return false;
        }
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(family, rotation_count);
        true
    }

    /// Removes a receipt that could not be delivered.
    pub(crate) fn forget(&self, family: FamilyId) {
        self.0.borrow_mut().remove(&family);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_news_once_and_an_older_one_never() {
        let receipts = Receipts::default();
        let family = FamilyId::from_bytes([1; 16]);
        assert!(receipts.is_new(family, 3));
        assert!(!receipts.is_new(family, 3));
        assert!(!receipts.is_new(family, 2));
        assert!(receipts.is_new(family, 4));
        receipts.forget(family);
        assert!(receipts.is_new(family, 4));
    }

    #[test]
    fn the_memory_of_receipts_is_bounded() {
        let receipts = Receipts::default();
        for number in 0..3 * MAX_REMEMBERED as u128 {
            receipts.is_new(FamilyId::from_bytes(number.to_be_bytes()), 0);
        }
        assert!(receipts.0.borrow().len() <= MAX_REMEMBERED);
    }
}
