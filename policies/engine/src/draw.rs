//! Draws that keep a share, and numbers made of text.

/// The golden ratio of 2^32 (Weyl's sequence): draws that follow one another in steps of it are
/// spread evenly, so that a share is kept to within a few requests, not within chance.
const STEP: u32 = 2_654_435_769;
/// The same with the square root of 2. No sum of whole steps of the one is one of the other, so
/// that what is drawn by both does not depend on one another (Weyl, *Über die Gleichverteilung von
/// Zahlen mod. Eins*, 1916).
const OTHER_STEP: u32 = 1_779_033_703;

/// A sequence of draws.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    at: u32,
    step: u32,
}

impl Draws {
    /// Those of what is called so: two workers that begin at once do not draw alike.
    pub(crate) fn of(id: &[u8]) -> Self {
        Self {
            at: hash(id),
            step: STEP,
        }
    }

    /// Those of a second question about the same requests.
    pub(crate) fn beside(id: &[u8]) -> Self {
        Self {
            at: hash(id),
            step: OTHER_STEP,
        }
    }

    /// The next one, from all numbers alike.
    pub(crate) fn next(&mut self) -> u32 {
        self.at = self.at.wrapping_add(self.step);
        self.at
    }

    /// The next one as a part of 1.
    pub(crate) fn part(&mut self) -> f64 {
        f64::from(self.next()) / 4_294_967_296.0
    }

    /// Whether the next one is within a share: never of 0, always of 1.
    pub(crate) fn within(&mut self, share: f64) -> bool {
        self.part() < share
    }
}

/// FNV-1a (Fowler, Noll, Vo), and a finisher (that of MurmurHash3) that spreads its last bytes
/// over the whole.
pub(crate) fn hash(value: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    let mut hash = value.iter().fold(2_166_136_261, step);
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Spreads a number over all numbers, one to one: the finisher of SplitMix64 (Steele, Lea and
/// Flood, *Fast splittable pseudorandom number generators*, 2014).
pub(crate) fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_to_within_a_few() {
        for (share, drawn) in [(0.0, 0), (0.01, 100), (0.5, 5000), (1.0, 10_000)] {
            let mut draws = Draws::of(b"worker");
            let within = (0..10_000).filter(|_| draws.within(share)).count();
            assert!(within.abs_diff(drawn) <= 3, "{within} of {drawn}");
        }
    }

    #[test]
    fn two_questions_do_not_depend_on_one_another() {
        let (mut one, mut other) = (Draws::of(b"worker"), Draws::beside(b"worker"));
        let both = (0..10_000).filter(|_| one.within(0.5) & other.within(0.5));
        assert!(both.count().abs_diff(2500) < 25);
    }
}
