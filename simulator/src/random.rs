//! Chance that is the same each time: SplitMix64 (Steele, Lea and Flood, 2014).

pub struct Random(u64);

impl Random {
    /// A stream of its own for each purpose, so that one draw more here moves nothing there.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mixed = purpose.bytes().fold(seed, |state, byte| {
            let mut random = Self(state ^ u64::from(byte));
            random.next()
        });
        Self(mixed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to 1, never 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 up to `count`, never `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    /// A number of Poisson's; `nothing` is the chance of 0, e to the minus mean (Knuth's method:
    /// means are small).
    pub fn poisson(&mut self, nothing: f64) -> u32 {
        let mut product = self.unit();
        let mut count = 0;
        while product > nothing {
            product *= self.unit();
            count += 1;
        }
        count
    }
}
