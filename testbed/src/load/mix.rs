//! Header values by share.

use crate::random::GOLDEN;

/// A mix of values for [`Call::header_by`](crate::Call::header_by): each has its share of the
/// requests, in parts of the sum, and is spread evenly among the others.
///
/// # Panics
///
/// If there is no share.
pub fn mix<const N: usize>(shares: [(&'static str, u32); N]) -> impl Fn(u32) -> String + Clone {
    let sum: u64 = shares.iter().map(|(_, share)| u64::from(*share)).sum();
    assert!(sum > 0, "a mix needs shares");
    move |number| {
        let place = GOLDEN.wrapping_mul(u64::from(number));
        // Where on the circle, in parts of the sum.
        let mut place = ((u128::from(place) * u128::from(sum)) >> 64) as u64;
        for (value, share) in shares {
            match place.checked_sub(u64::from(share)) {
                Some(rest) => place = rest,
                None => return value.to_owned(),
            }
        }
        unreachable!("a place is within the sum")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_over_few_requests_and_many() {
        let mix = mix([("Critical", 10), ("Default", 60), ("Sheddable", 30)]);
        for (from, count, off) in [(0, 100, 2), (12_345, 100, 3), (0, 10_000, 5)] {
            for (value, percent) in [("Critical", 10), ("Default", 60), ("Sheddable", 30)] {
                let values = (from..from + count).map(&mix);
                let found = values.filter(|it| it == value).count() as i64;
                let due = i64::from(count) * percent / 100;
                assert!((found - due).abs() <= off, "{found} of {value} in {count}");
            }
        }
    }
}
