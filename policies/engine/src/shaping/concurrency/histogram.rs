//! How long answers took: a histogram whose buckets are an eighth of an octave wide, as in
//! HdrHistogram (<https://hdrhistogram.github.io/HdrHistogram/>) with three bits. Only those that
//! are not empty are kept and shared.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What takes less is in the first bucket: 64 µs.
const SHORTEST: u64 = 64;
/// Octaves from there; what takes longer than 64 s is in the last bucket.
const OCTAVES: u32 = 20;

/// Times in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Histogram(BTreeMap<u8, u32>);

fn bucket(micros: u64) -> u8 {
    let longest = SHORTEST << OCTAVES;
    let micros = micros.clamp(SHORTEST, longest.saturating_sub(1));
    let octave = micros.ilog2().saturating_sub(SHORTEST.ilog2());
    // The three bits after the first.
    let eighth = (micros >> octave) >> 3 & 7;
    let index = u64::from(octave).saturating_mul(8).saturating_add(eighth);
    u8::try_from(index).unwrap_or(u8::MAX)
}

/// Where a bucket begins, and how wide it is.
#[expect(
    clippy::cast_precision_loss,
    reason = "64 s are far below 2^53 microseconds"
)]
fn bounds(bucket: u8) -> (f64, f64) {
    let octave = (SHORTEST << (bucket >> 3).min(31)) as f64;
    let width = octave / 8.0;
    (octave + f64::from(bucket & 7) * width, width)
}

impl Histogram {
    pub(super) fn add(&mut self, micros: u64) {
        let count = self.0.entry(bucket(micros)).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, more) in &other.0 {
            let count = self.0.entry(*bucket).or_default();
            *count = count.saturating_add(*more);
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.0.values().copied().fold(0, u32::saturating_add)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time that half of them took at most, in microseconds; the times in a bucket are taken to
    /// be spread evenly.
    pub(super) fn median(&self) -> Option<f64> {
        let half = f64::from(self.count()) / 2.0;
        let mut below = 0.0;
        for (bucket, count) in &self.0 {
            let count = f64::from(*count);
            if below + count >= half {
                let (start, width) = bounds(*bucket);
                return Some(start + width * (half - below) / count);
            }
            below += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_one_another() {
        assert_eq!(
            [0, 64, 71, 72, 127, 128, 143, 144].map(bucket),
            [0, 0, 0, 1, 7, 8, 8, 9]
        );
        assert_eq!(bucket(67_108_863), 159);
        assert_eq!(bucket(u64::MAX), 159);
        for i in 0..160_u8 {
            let (start, width) = bounds(i);
            assert_eq!(bucket(start as u64), i);
            assert!((bounds(i + 1).0 - start - width).abs() < 1e-6);
        }
    }

    proptest! {
        #[test]
        fn a_median_is_an_eighth_off_at_most(mut times in prop::collection::vec(64..60_000_000_u64, 1..99)) {
            let mut histogram = Histogram::default();
            for time in &times {
                histogram.add(*time);
            }
            times.sort();
            let exact = times[times.len().div_ceil(2).saturating_sub(1)] as f64;
            let median = histogram.median().unwrap();
            prop_assert!((median / exact - 1.0).abs() <= 0.126, "{median} for {exact}");
        }

        #[test]
        fn it_does_not_matter_who_counted(times in prop::collection::vec(any::<u32>(), 0..99)) {
            let (mut all, mut odd, mut even) = Default::default();
            for (i, time) in times.iter().enumerate() {
                let all: &mut Histogram = &mut all;
                all.add(u64::from(*time));
                let part: &mut Histogram = if i % 2 == 0 { &mut even } else { &mut odd };
                part.add(u64::from(*time));
            }
            even.merge(&odd);
            prop_assert_eq!(all, even);
        }
    }
}
