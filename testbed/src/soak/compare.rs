//! Rounds of comparing: a random case in force in both Envoys, several hundred requests to both,
//! and not one that they disagree on.

use std::fmt;
use std::time::{Duration, Instant};

use super::case::Case;
use super::outcome::{Outcome, Verdict};
use super::pair::{Pair, Trouble};
use super::request::Request;
use super::shrink;
use crate::random::Random;

/// How many requests meet each case.
const REQUESTS: usize = 400;
/// Of a hundred pairs, at least so many must be let through, and denied: else little is compared.
const LEAST: u64 = 10;

/// What was compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Cases that were in force.
    pub cases: u64,
    /// Requests that both were asked.
    pub pairs: u64,
    /// Those that both let through.
    pub allowed: u64,
    /// How long it took.
    pub took: Duration,
}

impl Tally {
    fn add(&mut self, outcomes: &[(Outcome, Outcome)]) {
        let allowed = outcomes
            .iter()
            .filter(|(rbac, _)| rbac.verdict == Verdict::Allowed);
        self.cases += 1;
        self.pairs += outcomes.len() as u64;
        self.allowed += allowed.count() as u64;
    }

    /// Those that both denied.
    pub fn denied(&self) -> u64 {
        self.pairs - self.allowed
    }

    /// Pairs a second.
    pub fn rate(&self) -> f64 {
        self.pairs as f64 / self.took.as_secs_f64()
    }

    /// Fails if nearly all requests were answered alike.
    pub fn check(&self) -> Result<(), Failure> {
        let rarer = self.allowed.min(self.denied());
        if rarer * 100 < self.pairs * LEAST {
            return Err(Failure::OneSided(*self));
        }
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} policy sets and {} pairs compared: {} allowed, {} denied; {:.0} pairs/s",
            self.cases,
            self.pairs,
            self.allowed,
            self.denied(),
            self.rate(),
        )
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// One of them does not take the policies.
    Refused(String),
    /// They disagree about a request: what RBAC makes of it, and what Landbridge does.
    Differs(Outcome, Outcome),
}

impl Fault {
    /// Whether it is the same thing that goes wrong.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refused(one), Self::Refused(other)) => code(one) == code(other),
            (Self::Differs(..), Self::Differs(..)) => true,
            _ => false,
        }
    }
}

/// The last code of a diagnostic (`LBxxxx`) in what an Envoy logged.
fn code(log: &str) -> Option<&str> {
    let from = log.rfind("LB")?;
    log.get(from..from + 6)
}

/// A case on which both do not agree.
#[derive(Debug)]
pub struct Difference {
    /// How to have it again.
    pub(super) origin: String,
    pub(super) case: Case,
    pub(super) request: Request,
    pub(super) fault: Fault,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            case,
            request,
            fault,
        } = self;
        writeln!(f, "{origin}, shrunk:\n{case}")?;
        match fault {
            Fault::Refused(why) => write!(f, "{why}"),
            Fault::Differs(rbac, landbridge) => {
                writeln!(f, "{request}")?;
                write!(f, "RBAC: {rbac}; Landbridge: {landbridge}")
            }
        }
    }
}

/// Why a comparison ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Both do not agree.
    #[error("RBAC and Landbridge do not agree\n{0}")]
    Difference(Box<Difference>),
    /// Nearly all requests were answered alike.
    #[error("too many requests are answered alike: {0}")]
    OneSided(Tally),
    /// Nothing can be compared.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// Two Envoys and a seed.
pub struct Soak {
    pair: Pair,
    seed: u64,
    /// The number of the next random case.
    next: u64,
    started: Instant,
    tally: Tally,
}

impl Soak {
    /// Starts both Envoys.
    pub async fn start(name: &str, seed: u64) -> Result<Self, Failure> {
        Ok(Self {
            pair: Pair::start(name).await?,
            seed,
            next: 0,
            started: Instant::now(),
            tally: Tally::default(),
        })
    }

    /// What was compared so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Compares every value that a policy may have, by itself.
    pub async fn singles(&mut self) -> Result<(), Failure> {
        for (number, case) in Case::singles().into_iter().enumerate() {
            let mut random = Random::nth(self.seed, number as u64);
            let origin = format!("seed {}, single value {number}", self.seed);
            self.compare(case, &mut random, origin).await?;
        }
        Ok(())
    }

    /// Compares the next random case.
    pub async fn round(&mut self) -> Result<(), Failure> {
        self.next += 1;
        self.case(self.next - 1).await
    }

    /// Compares the random case of this number.
    pub async fn case(&mut self, number: u64) -> Result<(), Failure> {
        let seed = self.seed;
        let mut random = Random::nth(seed, number);
        let case = Case::random(&mut random);
        let origin = format!("seed {seed}, case {number}");
        self.compare(case, &mut random, origin).await
    }

    async fn compare(
        &mut self,
        case: Case,
        random: &mut Random,
        origin: String,
    ) -> Result<(), Failure> {
        let requests: Vec<Request> = (0..REQUESTS)
            .map(|_| Request::meeting(random, &case.policies))
            .collect();
        let found = match self.pair.apply(&case).await? {
            Err(why) => Some((Request::plain(0), Fault::Refused(why))),
            Ok(()) => {
                let outcomes = self.pair.ask(&requests).await?;
                self.tally.add(&outcomes);
                let mut both = requests.into_iter().zip(outcomes);
                let differs = both.find(|(_, (rbac, landbridge))| !rbac.agrees(landbridge));
                differs.map(|(request, (rbac, landbridge))| {
                    (request, Fault::Differs(rbac, landbridge))
                })
            }
        };
        self.tally.took = self.started.elapsed();
        let Some((request, fault)) = found else {
            return Ok(());
        };
        let (case, request, fault) = shrink::shrink(&mut self.pair, case, request, fault).await?;
        Err(Failure::Difference(Box::new(Difference {
            origin,
            case,
            request,
            fault,
        })))
    }
}
