//! What one worker counted of one cluster since it last told the others.

use super::settings::Settings;

/// How a request ended, as far as the cluster's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was answered, whatever the answer says of the request.
    Good,
    /// The service itself failed: 500, 501 and so on.
    Error,
    /// The cluster could not be reached or did not answer: 502, 503, 504, a reset, a timeout.
    Failure,
}

/// What one worker counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) requests: u32,
    /// Errors, failures and slow answers.
    pub(crate) bad: u32,
    /// Of what was answered in time or late: how many, and how long they took in all.
    pub(crate) timed: u32,
    pub(crate) micros: u64,
    /// Failures in a row, over ticks.
    pub(crate) in_a_row: u32,
    /// They were too many.
    pub(crate) out: bool,
    /// What probes found, in their order.
    pub(crate) probes: Vec<bool>,
    /// Endpoints that Envoy holds to be healthy, of how many.
    pub(crate) endpoints: Option<(u32, u32)>,
}

impl Counts {
    /// Counts one request; `slow` is what a slow answer is, in microseconds.
    pub(crate) fn add(
        &mut self,
        outcome: Outcome,
        micros: Option<u64>,
        slow: Option<u64>,
        settings: &Settings,
    ) {
        self.requests = self.requests.saturating_add(1);
        let late = matches!((micros, slow), (Some(took), Some(slow)) if took > slow);
        if outcome != Outcome::Good || late {
            self.bad = self.bad.saturating_add(1);
        }
        if let (Outcome::Good, Some(took)) = (outcome, micros) {
            self.timed = self.timed.saturating_add(1);
            self.micros = self.micros.saturating_add(took);
        }
        if outcome == Outcome::Failure {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.out |= self.in_a_row >= settings.consecutive_errors;
        } else {
            self.in_a_row = 0;
        }
    }

    /// Whether there is anything to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.requests == 0 && self.probes.is_empty() && self.endpoints.is_none() && !self.out
    }

    /// What is left once it has been told.
    pub(crate) fn told(&mut self) {
        *self = Self {
            // Those in a row go on, unless they have had their effect.
            in_a_row: if self.out { 0 } else { self.in_a_row },
            ..Self::default()
        };
    }
}
