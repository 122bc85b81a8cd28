//! A generator of random numbers that is the same in each run.

/// A generator of random numbers (xorshift64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(number: u32) -> Self {
        // The state must not be 0.
        Self(0x9e37_79b9_7f4a_7c15 ^ u64::from(number + 1))
    }

    /// Returns a number below `limit`, which must not be 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 1).unwrap_or(usize::MAX) % limit
    }

    /// Returns one of the items; `None` if there is none.
    pub(super) fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.below(items.len().max(1));
        items.get(index)
    }
}
