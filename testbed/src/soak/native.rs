//! The engine by itself: what its index finds beside what walking every rule finds, natively and
//! a million times, for policies of our own kind and for Istio's. Envoy has no part in this, and so
//! it is quick.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use landbridge_engine::oracle;
use landbridge_engine::policy_test::{Nowhere, TestRequest};
use landbridge_engine::{Facts, PolicySet, Verdict, load};
use landbridge_model::Limits;
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::case::Case;
use super::request::Request;
use crate::random::Random;

/// How many requests meet each policy set.
const REQUESTS: usize = 200;
/// The most policies in a set of our own kind.
const POLICIES: usize = 24;
/// Where the policies are in force.
const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 16, 0, 11));

/// What was decided both ways.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeTally {
    /// Policy sets.
    pub sets: u64,
    /// Pairs of a set and a request.
    pub pairs: u64,
    /// Those that were allowed.
    pub allowed: u64,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for NativeTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sets,
            pairs,
            allowed,
            took,
        } = self;
        let rate = *pairs as f64 / took.as_secs_f64();
        write!(
            f,
            "{sets} policy sets and {pairs} pairs decided by index and by walking: {allowed} \
             allowed, {} not; {rate:.0} pairs/s",
            pairs - allowed
        )
    }
}

/// A request that the index and walking every rule do not agree on, with everything it takes to
/// see it again.
#[derive(Debug, thiserror::Error)]
#[error("index and walking do not agree: {0}")]
pub struct Disagreement(String);

/// Decides `pairs` random pairs both ways, with policies of our own kind.
pub fn ours(seed: u64, pairs: u64) -> Result<NativeTally, Disagreement> {
    let started = Instant::now();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let mut tally = NativeTally::default();
    let policies = oracle::policies(POLICIES);
    let requests = vec(oracle::request(), REQUESTS);
    while tally.pairs < pairs {
        let policies = one(&policies, &mut runner);
        for options in ["{}", r#"{"defaultAction":"Allow"}"#] {
            let config = oracle::config(&policies, options);
            let set = loaded(&config)?;
            tally.sets += 1;
            for request in one(&requests, &mut runner) {
                tally.pairs += 1;
                tally.allowed += u64::from(both(&set, &request, &config)?);
            }
        }
    }
    tally.took = started.elapsed();
    Ok(tally)
}

/// Decides `pairs` random pairs both ways, with Istio's policies.
pub fn imported(seed: u64, pairs: u64) -> Result<NativeTally, Disagreement> {
    let started = Instant::now();
    let mut tally = NativeTally::default();
    while tally.pairs < pairs {
        let mut random = Random::nth(seed, tally.sets);
        let case = Case::random(&mut random);
        let config = case.landbridge(OWN).to_string();
        let set = loaded(&config)?;
        tally.sets += 1;
        for _ in 0..REQUESTS {
            let request = Request::meeting(&mut random, &case.policies);
            let request = TestRequest::new(&request.described(OWN), &set);
            tally.pairs += 1;
            tally.allowed += u64::from(both(&set, &request, &config)?);
        }
    }
    tally.took = started.elapsed();
    Ok(tally)
}

fn one<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    let tree = strategy.new_tree(runner).expect("nothing is filtered");
    tree.current()
}

fn loaded(config: &str) -> Result<PolicySet, Disagreement> {
    match load(config.as_bytes(), &Limits::default(), &Nowhere) {
        Ok(loaded) => Ok(loaded.set),
        Err(found) => Err(Disagreement(format!("{config}\nis refused: {found:#?}"))),
    }
}

/// Whether it is allowed.
fn both(set: &PolicySet, request: &TestRequest, config: &str) -> Result<bool, Disagreement> {
    let Ok(facts) = Facts::new(request.raw(), set) else {
        return Ok(false);
    };
    let (by_index, by_walking) = (set.decide(&facts), set.decide_by_walking(&facts));
    if by_index != by_walking {
        let what = format!("{config}\n{request:?}\n{by_index:?}\n{by_walking:?}");
        return Err(Disagreement(what));
    }
    Ok(by_index.verdict == Verdict::Allow)
}
