//! Draws that keep a share, and numbers made of text.

/// The golden ratio of 2^32 (Weyl's sequence): draws that follow one another in steps of it are
/// spread evenly, so that a share is kept to within a few requests, not within chance.
const STEP: u32 = 2_654_435_769;

/// A sequence of draws.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws(u32);

impl Draws {
    /// Those of what is called so: two workers that begin at once do not draw alike.
    pub(crate) fn of(id: &[u8]) -> Self {
        Self(hash(id))
    }

    /// The next one, from all numbers alike.
    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(STEP);
        self.0
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
