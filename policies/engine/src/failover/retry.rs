//! How many requests may be tried again: a share of all, and a few in any case, so that retries
//! never are a storm of their own.

use super::settings::Settings;

/// How many seconds' worth of the retries that are had in any case can be saved up.
const SAVED: f64 = 10.0;

/// What one worker has left. It fills with requests and with time, as Finagle's retry budget does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryBudget(f64);

impl RetryBudget {
    pub(crate) fn full(settings: &Settings) -> Self {
        Self(most(settings))
    }

    /// A request, which earns its share.
    pub(crate) fn request(&mut self, settings: &Settings) {
        self.earn(settings.retry_budget, settings);
    }

    /// Seconds that passed.
    pub(crate) fn pass(&mut self, seconds: f64, settings: &Settings) {
        self.earn(seconds.max(0.0) * settings.retries_per_second, settings);
    }

    /// Takes one, where there is one.
    pub(crate) fn take(&mut self) -> bool {
        let enough = self.0 >= 1.0;
        if enough {
            self.0 -= 1.0;
        }
        enough
    }

    fn earn(&mut self, more: f64, settings: &Settings) {
        self.0 = (self.0 + more).min(most(settings));
    }
}

fn most(settings: &Settings) -> f64 {
    (settings.retries_per_second * SAVED).max(SAVED * settings.retry_budget)
}
