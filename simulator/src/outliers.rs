//! Envoy's outlier detection, as its documentation has it
//! (<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier> and
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto>):
//! so many 5xx in a row eject a host at once, where not too many are ejected already. Every
//! interval a sweep lets those back whose time is over, and makes the next ejection of those that
//! stayed well shorter.

use crate::random::Random;

/// `consecutive_5xx`: the default.
const IN_A_ROW: u8 = 5;
/// `interval`: the default, in milliseconds.
const INTERVAL: u64 = 10_000;
/// `base_ejection_time`: the default.
const BASE: u64 = 30_000;
/// `max_ejection_time`: the default.
const MOST: u64 = 300_000;

#[derive(Clone, Copy, Default)]
struct Host {
    in_a_row: u8,
    /// How many ejections the next one is a multiple of.
    times: u8,
    /// Until when it is ejected; 0, where it is not.
    until: u64,
}

/// The hosts of one Envoy cluster, as one proxy sees them.
pub struct Outliers {
    hosts: Vec<Host>,
    ejected: usize,
    max_percent: usize,
    next_sweep: u64,
}

impl Outliers {
    pub fn new(hosts: usize, max_percent: usize, now: u64, random: &mut Random) -> Self {
        Self {
            hosts: vec![Host::default(); hosts],
            ejected: 0,
            max_percent,
            // Proxies did not all start at once.
            next_sweep: now + random.next() % INTERVAL,
        }
    }

    pub fn is_ejected(&self, host: usize) -> bool {
        self.hosts[host].until > 0
    }

    /// Counts an answer; whether it ejected the host.
    pub fn answered(&mut self, host: usize, good: bool, now: u64) -> bool {
        let count = self.hosts.len();
        let Some(host) = self.hosts.get_mut(host) else {
            return false;
        };
        if good {
            host.in_a_row = 0;
            return false;
        }
        host.in_a_row = host.in_a_row.saturating_add(1);
        let outlier = host.in_a_row >= IN_A_ROW && host.until == 0;
        // As in Envoy, it is the share before this one that must be below what may be.
        if !outlier || self.ejected * 100 / count >= self.max_percent {
            return false;
        }
        host.in_a_row = 0;
        host.times = host.times.saturating_add(1);
        host.until = now + (BASE * u64::from(host.times)).min(MOST);
        self.ejected += 1;
        true
    }

    /// Lets back whose time is over; whether there was one.
    pub fn sweep(&mut self, now: u64) -> bool {
        if now < self.next_sweep {
            return false;
        }
        self.next_sweep += INTERVAL;
        let before = self.ejected;
        for host in &mut self.hosts {
            if host.until == 0 {
                host.times = host.times.saturating_sub(1);
            } else if host.until <= now {
                host.until = 0;
                host.in_a_row = 0;
                self.ejected -= 1;
            }
        }
        self.ejected != before
    }

    /// One that is not ejected, of those from `first` on and before `end`, at random.
    pub fn pick(&self, hosts: std::ops::Range<usize>, random: &mut Random) -> Option<usize> {
        for _ in 0..4 {
            let host = hosts.start + random.below(hosts.len());
            if !self.is_ejected(host) {
                return Some(host);
            }
        }
        let well = hosts.clone().filter(|host| !self.is_ejected(*host)).count();
        let nth = random.below(well);
        hosts.filter(|host| !self.is_ejected(*host)).nth(nth)
    }

    pub fn healthy(&self, hosts: std::ops::Range<usize>) -> usize {
        hosts.filter(|host| !self.is_ejected(*host)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hosts: usize, max_percent: usize) -> Outliers {
        let mut outliers = Outliers::new(hosts, max_percent, 0, &mut Random::new(1, "test"));
        outliers.next_sweep = 0;
        outliers
    }

    #[test]
    fn five_in_a_row_eject_and_each_time_for_longer() {
        let mut outliers = of(10, 100);
        for _ in 0..4 {
            assert!(!outliers.answered(3, false, 0));
        }
        assert!(outliers.answered(3, false, 0));
        assert!(!outliers.sweep(20_000) && outliers.is_ejected(3));
        assert!(outliers.sweep(30_000) && !outliers.is_ejected(3));
        for _ in 0..5 {
            outliers.answered(3, false, 31_000);
        }
        assert_eq!(outliers.hosts[3].until, 91_000);
    }

    #[test]
    fn no_more_are_ejected_than_may_be() {
        let mut outliers = of(30, 10);
        for host in 0..30 {
            for _ in 0..5 {
                outliers.answered(host, false, 0);
            }
        }
        assert_eq!(outliers.ejected, 3);
    }
}
