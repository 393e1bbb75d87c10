//! Retry budgets: how many of the requests to each host may be retries.
//!
//! Each worker keeps its own, so nothing is shared and none waits for another.

use super::recent::Recent;
use crate::budget::{Budget, Earnings};
use crate::quantity::{Millis, share};
use landbridge_model::RetryBudget;
use std::time::Duration;

/// How many hosts are told apart at a time.
const HOSTS: usize = 1000;

/// How a policy has retries bounded.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySettings {
    /// What requests and time earn.
    pub earnings: Earnings,
    /// Another header that marks a retry, by being there.
    pub header: Option<Box<str>>,
}

impl RetrySettings {
    /// Those of a policy.
    pub fn new(policy: &RetryBudget) -> Self {
        Self {
            earnings: Earnings {
                share: share(policy.share, 20),
                per_second: f64::from(policy.min_per_second.unwrap_or(3)),
            },
            header: policy.header.as_ref().map(|h| h.as_str().into()),
        }
    }
}

/// Whether a request says that it is a retry, in one of these headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt<'a> {
    /// `x-envoy-attempt-count`: 1 is the first.
    pub envoy: Option<&'a [u8]>,
    /// `grpc-previous-rpc-attempts` (gRPC A6): it is there from the second on.
    pub grpc: Option<&'a [u8]>,
    /// Whether the policy's own header is there.
    pub marked: bool,
}

impl Attempt<'_> {
    /// What is no number says nothing.
    pub fn is_retry(&self) -> bool {
        let above = |value: Option<&[u8]>, first: u64| {
            let text = value.and_then(|value| std::str::from_utf8(value).ok());
            text.and_then(|text| text.trim().parse::<u64>().ok())
                .is_some_and(|count| count > first)
        };
        self.marked || above(self.envoy, 1) || above(self.grpc, 0)
    }
}

/// What one worker has left for each host.
#[derive(Debug)]
pub struct RetryBudgets {
    earnings: Earnings,
    hosts: Recent<Host>,
}

#[derive(Debug)]
struct Host {
    budget: Budget,
    at: Millis,
}

impl RetryBudgets {
    /// Full ones.
    pub fn new(settings: &RetrySettings) -> Self {
        Self {
            earnings: settings.earnings,
            hosts: Recent::new(HOSTS),
        }
    }

    /// Counts a request; whether it may go on, which only a retry may not. One that is none earns
    /// the host its share.
    pub fn begin(&mut self, host: &str, is_retry: bool, now: Millis) -> bool {
        let budget = self.at(host, now);
        match is_retry {
            true => budget.take(),
            false => {
                budget.request();
                true
            }
        }
    }

    /// Whether Envoy may retry a request to this host.
    pub fn may_envoy_retry(&mut self, host: &str, now: Millis) -> bool {
        self.at(host, now).has()
    }

    /// Takes the retries that Envoy made of a request by itself.
    pub fn envoy_retried(&mut self, host: &str, times: u32, now: Millis) {
        self.at(host, now).owe(times);
    }

    fn at(&mut self, host: &str, now: Millis) -> &mut Budget {
        let earnings = self.earnings;
        let host = self.hosts.entry(host, || Host {
            budget: Budget::full(earnings),
            at: now,
        });
        let passed = Duration::from_millis(now.saturating_sub(host.at));
        host.budget.pass(passed.as_secs_f64());
        host.at = now;
        &mut host.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets(share: f64, per_second: f64) -> RetryBudgets {
        RetryBudgets::new(&RetrySettings {
            earnings: Earnings { share, per_second },
            header: None,
        })
    }

    #[test]
    fn headers_say_what_is_a_retry() {
        let of = |envoy: Option<&'static str>, grpc: Option<&'static str>| Attempt {
            envoy: envoy.map(str::as_bytes),
            grpc: grpc.map(str::as_bytes),
            marked: false,
        };
        for (envoy, grpc, is_retry) in [
            (None, None, false),
            (Some("1"), None, false),
            (Some("2"), None, true),
            (None, Some("0"), false),
            (None, Some("1"), true),
            (Some("many"), Some("-1"), false),
            (Some("1"), Some("3"), true),
        ] {
            assert_eq!(of(envoy, grpc).is_retry(), is_retry, "{envoy:?} {grpc:?}");
        }
        let marked = Attempt {
            marked: true,
            ..Attempt::default()
        };
        assert!(marked.is_retry());
    }

    #[test]
    fn each_host_has_its_own() {
        let mut budgets = budgets(0.2, 1.0);
        for _ in 0..10 {
            assert!(budgets.begin("a", true, 0));
        }
        assert!(!budgets.begin("a", true, 0));
        assert!(!budgets.may_envoy_retry("a", 0));
        assert!(budgets.may_envoy_retry("b", 0));
        assert!(budgets.begin("a", false, 0), "what is no retry goes on");
        assert!(budgets.begin("a", true, 1000), "a second earns one");
    }

    #[test]
    fn in_a_storm_retries_are_the_share_and_the_few() {
        let mut budgets = budgets(0.2, 3.0);
        let mut retried = 0_u32;
        // 100 requests a second for a minute, each of which is tried three times more.
        for i in 0..6000 {
            let now = i * 10;
            budgets.begin("a", false, now);
            retried += (0..3).filter(|_| budgets.begin("a", true, now)).count() as u32;
        }
        let earned = 6000.0 * 0.2 + 60.0 * 3.0 + 30.0;
        assert!((f64::from(retried) - earned).abs() < 2.0, "{retried}");
    }

    #[test]
    fn what_envoy_did_is_paid_back() {
        let mut budgets = budgets(0.0, 1.0);
        budgets.envoy_retried("a", 15, 0);
        assert!(!budgets.begin("a", true, 5_900));
        assert!(budgets.begin("a", true, 6_000));
    }
}
