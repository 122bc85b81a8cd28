//! A pseudorandom generator whose numbers are the same in every run.

/// The generator xorshift64* of Marsaglia and Vigna.
#[derive(Clone, Debug)]
pub struct XorShift(u64);

impl XorShift {
    /// # Panics
    ///
    /// Panics if `seed` is zero, because every number would then be zero.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        assert_ne!(seed, 0);
        Self(seed)
    }

    pub fn next_number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next_number() % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn choose<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}
