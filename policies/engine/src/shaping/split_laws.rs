//! What holds of splits, whatever the keys.

#![expect(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use super::ramp::RampSettings;
use super::split::{SplitDraws, SplitSettings};
use proptest::prelude::*;

const KEYS: u32 = 100_000;

fn split(name: &str, backends: &[(&str, f64)]) -> SplitSettings {
    let backends = backends
        .iter()
        .map(|(name, weight)| ((*name).into(), *weight));
    SplitSettings::of(name, backends, None)
}

fn ramped(weights: &[f64], backend: usize, from: f64, to: f64) -> SplitSettings {
    let names = ["a", "b", "c", "d"].map(Box::from).into_iter();
    let ramp = RampSettings {
        from,
        to,
        start: 1000,
        over: 1000,
        stop: u64::MAX,
    };
    SplitSettings::of(
        "s",
        names.zip(weights.iter().copied()),
        Some((backend, ramp)),
    )
}

/// How many of some keys each backend has.
fn shared_out(split: &SplitSettings, key: impl Fn(u32) -> String) -> Vec<u32> {
    let mut counts = vec![0; split.shares(0).count()];
    for i in 0..KEYS {
        counts[split.by_key(key(i).as_bytes(), 0).unwrap()] += 1;
    }
    counts
}

#[test]
fn shares_are_as_the_weights() {
    let cases: &[&[f64]] = &[
        &[1.0, 1.0],
        &[95.0, 5.0],
        &[70.0, 20.0, 10.0],
        &[0.5, 0.25, 0.125, 0.125],
        &[999.0, 1.0],
    ];
    let keys: [fn(u32) -> String; 3] = [
        |i| i.to_string(),
        |i| format!("user-{i:08}@shop.example"),
        |i| format!("spiffe://euw1-a.example/ns/n{}/sa/s{}", i % 317, i / 317),
    ];
    for weights in cases {
        let names = ["a", "b", "c", "d"];
        let backends: Vec<_> = names.iter().copied().zip(weights.iter().copied()).collect();
        let split = split("checkout", &backends);
        for key in keys {
            let counts = shared_out(&split, key);
            let chi_square: f64 = counts
                .iter()
                .zip(split.shares(0))
                .map(|(count, share)| {
                    let expected = share * f64::from(KEYS);
                    (f64::from(*count) - expected).powi(2) / expected
                })
                .sum();
            // At most three degrees of freedom: one in 10,000 would be above 21.1.
            assert!(chi_square < 21.1, "{weights:?}: {counts:?}, {chi_square}");
        }
    }
}

#[test]
fn what_one_gains_others_lose_and_nothing_else_moves() {
    let at = |share: f64| split("checkout", &[("stable", 100.0 - share), ("canary", share)]);
    let (before, after) = (at(5.0), at(6.0));
    let mut moved = 0;
    for i in 0..KEYS {
        let key = format!("user-{i}");
        let of = |split: &SplitSettings| split.by_key(key.as_bytes(), 0).unwrap();
        match (of(&before), of(&after)) {
            (0, 1) => moved += 1,
            (1, 0) => panic!("{key} left the canary"),
            _ => {}
        }
    }
    // A hundredth of 100,000, to within four standard deviations.
    assert!((moved - 1000_i32).abs() < 126, "{moved}");
}

#[test]
fn two_splits_do_not_have_the_same_canaries() {
    let of = |name| split(name, &[("stable", 90.0), ("canary", 10.0)]);
    let (one, other) = (of("checkout"), of("search"));
    let both = (0..KEYS).filter(|i| {
        let key = i.to_string();
        let canary = |split: &SplitSettings| split.by_key(key.as_bytes(), 0) == Some(1);
        canary(&one) && canary(&other)
    });
    assert!(both.count().abs_diff(1000) < 126);
}

#[test]
fn without_a_key_shares_are_exact() {
    for weights in [[1.0, 1.0, 1.0], [98.0, 1.5, 0.5], [0.0, 1.0, 3.0]] {
        let split = split(
            "s",
            &[("a", weights[0]), ("b", weights[1]), ("c", weights[2])],
        );
        for worker in 0..20 {
            let mut draws = SplitDraws::new(worker);
            let mut counts = [0.0; 3];
            for n in 1..=2000_u32 {
                counts[draws.draw(&split, 0).unwrap()] += 1.0;
                for (count, share) in counts.iter().zip(split.shares(0)) {
                    let off: f64 = count - share * f64::from(n);
                    assert!(off.abs() < 4.0, "{weights:?}: {counts:?} of {n}");
                }
            }
        }
    }
}

#[test]
fn a_share_of_a_millionth_is_one() {
    let split = split("s", &[("stable", 999_999.0), ("canary", 1.0)]);
    let mut draws = SplitDraws::new(1);
    let drawn = (0..3_000_000).filter(|_| draws.draw(&split, 0) == Some(1));
    assert!(drawn.count().abs_diff(3) <= 3);
    let keyed = (0..3_000_000_u32).filter(|i| split.by_key(&i.to_le_bytes(), 0) == Some(1));
    assert!(keyed.count().abs_diff(3) <= 6);
}

#[test]
fn who_has_no_share_gets_nothing() {
    let split = split("s", &[("a", 0.0), ("b", 0.0)]);
    assert_eq!(split.by_key(b"x", 0), None);
    assert_eq!(SplitDraws::new(1).draw(&split, 0), None);
}

#[test]
fn a_ramp_takes_from_the_others_in_proportion() {
    let split = ramped(&[3.0, 1.0, 99.0], 2, 0.0, 1.0);
    let shares = |now| split.shares(now).collect::<Vec<f64>>();
    assert_eq!(shares(0), [0.75, 0.25, 0.0]);
    assert_eq!(shares(1500), [0.375, 0.125, 0.5]);
    assert_eq!(shares(9000), [0.0, 0.0, 1.0]);
    for i in 0..1000_u32 {
        assert_ne!(split.by_key(&i.to_le_bytes(), 0), Some(2));
        assert_eq!(split.by_key(&i.to_le_bytes(), 9000), Some(2));
    }
    let alone = ramped(&[0.0], 0, 0.0, 0.5);
    assert_eq!(alone.by_key(b"x", 0), Some(0), "there is nowhere else");
}

#[test]
fn fresh_cookies_differ() {
    let mut draws = [SplitDraws::new(1), SplitDraws::new(2)];
    let mut all: Vec<String> = Vec::new();
    for draws in &mut draws {
        all.extend((0..10_000).map(|_| draws.fresh()));
    }
    assert!(all.iter().all(|cookie| cookie.len() == 16));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 20_000);
}

proptest! {
    #[test]
    fn who_grows_only_gains(
        weights in prop::collection::vec(0.0..10.0_f64, 2..4),
        which in 0..4_usize,
        more in 0.0..10.0_f64,
        key in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let which = which % weights.len();
        let names = ["a", "b", "c", "d"];
        let of = |weights: &[f64]| {
            let backends: Vec<_> = names.iter().copied().zip(weights.iter().copied()).collect();
            split("s", &backends).by_key(&key, 0)
        };
        let mut grown = weights.clone();
        grown[which] += more;
        let (before, after) = (of(&weights), of(&grown));
        prop_assert!(after == before || after == Some(which), "{before:?} {after:?}");
    }

    #[test]
    fn a_ramp_upwards_only_brings(
        from in 0.0..1.0_f64,
        more in 0.0..1.0_f64,
        times in [0..3000_u64, 0..3000_u64],
        key in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let split = ramped(&[5.0, 3.0, 0.0], 2, from, (from + more).min(1.0));
        let (sooner, later) = (times[0].min(times[1]), times[0].max(times[1]));
        let (before, after) = (split.by_key(&key, sooner), split.by_key(&key, later));
        prop_assert!(after == before || after == Some(2));
    }
}
