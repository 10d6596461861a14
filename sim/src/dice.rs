//! Randomness from a seed: the same in every run, and good enough to draw faults, not secrets.

use core::cell::Cell;

/// The generator `SplitMix64` (Steele, Lea, Flood 2014): one word of state.
#[derive(Debug)]
pub(crate) struct Dice(Cell<u64>);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// A further source that draws independently of this one.
    pub(crate) fn fork(&self) -> Self {
        Self::new(self.word())
    }

    pub(crate) fn word(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut word = self.0.get();
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// From `low` to `high`, without the latter.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.word() % (high - low).max(1)
    }

    pub(crate) fn below(&self, bound: usize) -> usize {
        usize::try_from(self.word() % (bound.max(1) as u64)).expect("below a usize")
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&self, percent: u64) -> bool {
        self.word() % 100 < percent
    }

    /// About `mean`: from a tenth to the double of it.
    pub(crate) fn about(&self, mean: u64) -> u64 {
        self.between(mean / 10, mean * 2)
    }

    pub(crate) fn bytes(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}
