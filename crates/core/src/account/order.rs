//! The order of records by their dates.

use postern_jose::time::Timestamp;

use crate::ids::FamilyId;

/// The records that have a date, earliest first, each with its place in the list that they come from. One type is sorted
/// for every caller: the compiler makes a copy of the sort, of ten kilobytes, for each type.
pub(super) fn in_order(
    records: impl Iterator<Item = Option<(Timestamp, FamilyId)>>,
) -> Vec<(Timestamp, FamilyId, usize)> {
    let dated =
        |(place, record): (usize, Option<(Timestamp, FamilyId)>)| record.map(|(date, id)| (date, id, place));
    let mut order: Vec<_> = records.enumerate().filter_map(dated).collect();
    order.sort_unstable();
    order
}
