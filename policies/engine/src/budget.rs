//! How many requests may be tried again: a share of all, and a few in any case, so that retries
//! never are a storm of their own.
//!
//! What is left fills with requests and with time, as Finagle's retry budget does
//! (<https://finagle.github.io/blog/2016/02/08/retry-budgets/>).

/// How many seconds' worth of the retries that are had in any case can be saved up.
const SAVED: f64 = 10.0;

/// What a budget earns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Earnings {
    /// With each request; from 0 to 1.
    pub share: f64,
    /// With each second.
    pub per_second: f64,
}

impl Earnings {
    fn most(self) -> f64 {
        (self.per_second * SAVED).max(SAVED * self.share)
    }
}

/// What one worker has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    earnings: Earnings,
    left: f64,
}

impl Budget {
    pub(crate) fn full(earnings: Earnings) -> Self {
        Self {
            earnings,
            left: earnings.most(),
        }
    }

    /// A request, which earns its share.
    pub(crate) fn request(&mut self) {
        self.earn(self.earnings.share);
    }

    /// Seconds that passed.
    pub(crate) fn pass(&mut self, seconds: f64) {
        self.earn(seconds.max(0.0) * self.earnings.per_second);
    }

    /// Whether there is one.
    pub(crate) fn has(&self) -> bool {
        self.left >= 1.0
    }

    /// Takes one, where there is one.
    pub(crate) fn take(&mut self) -> bool {
        let enough = self.has();
        if enough {
            self.left -= 1.0;
        }
        enough
    }

    /// Takes so many that were made without asking. The debt is at most what can be saved up: what
    /// others did is not held against a host for ever.
    pub(crate) fn owe(&mut self, count: u32) {
        self.left = (self.left - f64::from(count)).max(-self.earnings.most());
    }

    fn earn(&mut self, more: f64) {
        self.left = (self.left + more).min(self.earnings.most());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_time_earn_what_retries_take() {
        let mut budget = Budget::full(Earnings {
            share: 0.2,
            per_second: 1.0,
        });
        let taken = (0..100).filter(|_| budget.take()).count();
        assert_eq!(taken, 10, "ten seconds' worth is saved up");
        for _ in 0..6 {
            budget.request();
        }
        assert!(budget.take() && !budget.take(), "a fifth of six");
        budget.pass(1.0);
        assert!(budget.take() && !budget.take());
        budget.pass(1e9);
        assert_eq!((0..100).filter(|_| budget.take()).count(), 10);
    }

    #[test]
    fn a_debt_is_bounded() {
        let mut budget = Budget::full(Earnings {
            share: 0.0,
            per_second: 2.0,
        });
        budget.owe(u32::MAX);
        budget.pass(10.0);
        assert!(!budget.has());
        budget.pass(0.5);
        assert!(budget.has());
    }
}
