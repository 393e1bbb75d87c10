//! Splits: which backend a request goes to.
//!
//! Requests with a key go by weighted rendezvous hashing: each backend draws a number by the key
//! and its name, and the one with the highest score has it, where the score is `-weight / ln(h)`
//! (Schindelhauer and Schomaker, *Weighted Distributed Hash Tables*, SPAA 2005, the logarithmic
//! method; draft-ietf-bess-weighted-hrw). Shares are as the weights, and when one weight grows, the
//! keys that move are those that this backend gets, no others: a canary that goes from 5 % to 6 %
//! keeps whom it has.
//!
//! The split's name is a part of the draw: who is on the canary of one is on that of another by
//! chance only, so that the same few callers do not bear all experiments (Tang et al., *Overlapping
//! Experiment Infrastructure*, KDD 2010).
//!
//! Requests without a key are shared out evenly, in the order in which they come.

use super::ramp::RampSettings;
use crate::draw::{Draws, hash, mix};
use crate::quantity::Millis;
use landbridge_model::{Amount, Split};

/// The backends of a policy and their shares.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitSettings {
    backends: Vec<Backend>,
    ramp: Option<(usize, RampSettings)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Backend {
    name: Box<str>,
    weight: f64,
    /// What is drawn by it.
    seed: u64,
}

impl SplitSettings {
    /// Those of a policy.
    pub fn new(policy: &Split) -> Self {
        let weighed = |backend: &landbridge_model::Backend| {
            let weight = backend.weight.map_or(0.0, Amount::value);
            (Box::from(backend.name.as_str()), weight)
        };
        let ramp = policy.ramp.as_ref().and_then(|ramp| {
            let mut backends = policy.backends.iter();
            let index = backends.position(|backend| backend.name == ramp.backend)?;
            Some((index, RampSettings::new(ramp)))
        });
        let backends = policy.backends.iter().map(weighed);
        Self::of(policy.name.as_str(), backends, ramp)
    }

    pub(super) fn of(
        name: &str,
        backends: impl Iterator<Item = (Box<str>, f64)>,
        ramp: Option<(usize, RampSettings)>,
    ) -> Self {
        let salt = u64::from(hash(name.as_bytes())) << 32;
        let backends = backends.map(|(name, weight)| Backend {
            weight,
            seed: mix(salt | u64::from(hash(name.as_bytes()))),
            name,
        });
        Self {
            backends: backends.collect(),
            ramp,
        }
    }

    /// The name of a backend.
    pub fn name(&self, backend: usize) -> Option<&str> {
        self.backends.get(backend).map(|backend| &*backend.name)
    }

    /// The share of each backend, as parts of 1; time is in milliseconds since 1970.
    pub fn shares(&self, now: Millis) -> impl Iterator<Item = f64> + '_ {
        let ramp = self.ramp.map(|(index, ramp)| (index, ramp.share(now)));
        let backends = self.backends.iter().enumerate();
        let weight = |(_, backend): (usize, &Backend)| backend.weight;
        let ramped = |i: usize| ramp.is_some_and(|(index, _)| index == i);
        let others: f64 = backends
            .clone()
            .filter(|(i, _)| !ramped(*i))
            .map(weight)
            .sum();
        backends.map(move |(i, backend)| match ramp {
            // With nobody to share the rest, there is no rest.
            Some((index, _)) if index == i && others <= 0.0 => 1.0,
            Some((index, share)) if index == i => share,
            Some((_, share)) => (1.0 - share) * part(backend.weight, others),
            None => part(backend.weight, others),
        })
    }

    /// The backend of a key; none, where none has a share.
    pub fn by_key(&self, key: &[u8], now: Millis) -> Option<usize> {
        let key = u64::from(hash(key));
        let scores = self.backends.iter().zip(self.shares(now)).enumerate();
        let scores = scores.filter(|(_, (_, share))| *share > 0.0);
        let scores = scores.map(|(i, (backend, share))| {
            // What is near 1 decides, and there the negative logarithm is what is left to it.
            let left = unit(mix(backend.seed ^ mix(key)));
            (i, share / -(-left).ln_1p())
        });
        scores
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(i, _)| i)
    }

    /// The backend of the next request that has no key; none, where none has a share.
    fn by_draw(&self, draw: f64, now: Millis) -> Option<usize> {
        let mut sum = 0.0;
        let mut last = None;
        for (i, share) in self.shares(now).enumerate() {
            if share > 0.0 {
                sum += share;
                last = Some(i);
                if draw < sum {
                    break;
                }
            }
        }
        last
    }
}

fn part(weight: f64, all: f64) -> f64 {
    match all > 0.0 {
        true => weight / all,
        false => 0.0,
    }
}

/// A number as a part of 1, of which it is neither end.
#[expect(clippy::cast_precision_loss, reason = "52 bits are a number exactly")]
fn unit(number: u64) -> f64 {
    ((number >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0
}

/// The draws of one worker for the requests of a split that have no key.
#[derive(Clone, Debug)]
pub struct SplitDraws {
    draws: Draws,
    worker: u64,
}

impl SplitDraws {
    /// Those of a worker that is told from the others by this number.
    pub fn new(worker: u64) -> Self {
        Self {
            draws: Draws::of(&worker.to_le_bytes()),
            worker,
        }
    }

    /// The backend of the next request that has no key; none, where none has a share.
    pub fn draw(&mut self, settings: &SplitSettings, now: Millis) -> Option<usize> {
        settings.by_draw(self.draws.part(), now)
    }

    /// The value of a cookie for a caller that has none. It is no secret: it only says which part of
    /// the whole a caller is.
    pub fn fresh(&mut self) -> String {
        let number = mix(mix(self.worker).wrapping_add(u64::from(self.draws.next())));
        format!("{number:016x}")
    }
}
