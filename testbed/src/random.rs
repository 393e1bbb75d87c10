//! Random numbers that are the same on every machine and in every run: whoever has the seed has
//! the same policies and requests again.
//!
//! A generator of our own, of a few lines, because those of crates change their numbers from one
//! version to the next.

/// The golden ratio's fraction, in parts of 2^64. Its multiples fill a circle evenly, however many
/// there are and wherever one begins.
pub(crate) const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Marsaglia's xorshift64*.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Self {
        // Zero is the one state that never changes.
        Self(seed.max(1))
    }

    /// The `number`th of the generators that a seed stands for. Seeds beside each other give
    /// numbers that have nothing in common (Steele, Lea and Flood's SplitMix64).
    pub fn nth(seed: u64, number: u64) -> Self {
        let mut state = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(GOLDEN));
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self::new(state ^ (state >> 31))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// One of some words.
    pub fn word(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_says_it_all() {
        let numbers = |mut random: Random| [(); 4].map(|()| random.below(1000));
        assert_eq!(numbers(Random::nth(7, 3)), numbers(Random::nth(7, 3)));
        assert_ne!(numbers(Random::nth(7, 3)), numbers(Random::nth(7, 4)));
        assert_ne!(numbers(Random::nth(7, 3)), numbers(Random::nth(8, 3)));
    }
}
