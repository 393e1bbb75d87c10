//! A proxy of Istio's: one Envoy cluster with the hosts of all regions, its priorities set by
//! locality, failover by outlier detection.
//!
//! Priorities are those of `localityLbSetting.failover`
//! (<https://istio.io/latest/docs/tasks/traffic-management/locality-load-balancing/failover/>): the
//! own region, the one that is named for it, then all others. Load among priorities is Envoy's
//! (<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority>),
//! with integer percents and an overprovisioning factor of 1.4. There is no panic: Istio's
//! `minHealthPercent` is 0. Retries avoid hosts that were tried (`previous_hosts`, five attempts at
//! finding another), as Istio's do
//! (<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#retry-plugins>);
//! they have no budget. Residency is nothing that Istio knows.

use std::ops::Range;

use crate::geography::Geography;
use crate::outliers::Outliers;
use crate::proxy::{HOSTS, Proxy, Target};
use crate::random::Random;

/// `host_selection_retry_max_attempts`, as Istio sets it.
const SELECTIONS: usize = 5;

pub struct Istio {
    /// The clusters in the order of preference; hosts are numbered in that order.
    order: Vec<u16>,
    places: Vec<u16>,
    outliers: Outliers,
    priorities: Vec<Range<usize>>,
    loads: Vec<usize>,
}

impl Istio {
    pub fn new(
        geography: &Geography,
        own: usize,
        max_percent: usize,
        now: u64,
        random: &mut Random,
    ) -> Self {
        let order: Vec<u16> = geography.order(own).iter().map(|c| *c as u16).collect();
        let mut places = vec![0; order.len()];
        for (place, cluster) in order.iter().enumerate() {
            places[usize::from(*cluster)] = place as u16;
        }
        let all = order.len() * HOSTS;
        let priorities = [0..HOSTS, HOSTS..2 * HOSTS, 2 * HOSTS..all];
        let mut istio = Self {
            outliers: Outliers::new(all, max_percent, now, random),
            priorities: priorities.into_iter().filter(|p| !p.is_empty()).collect(),
            loads: Vec::new(),
            order,
            places,
        };
        istio.settle();
        istio
    }

    fn settle(&mut self) {
        let healthy = |p: &Range<usize>| self.outliers.healthy(p.clone());
        let health = |p: &Range<usize>| (140 * healthy(p) / p.len()).min(100);
        self.loads = priority_loads(&self.priorities.iter().map(health).collect::<Vec<_>>());
    }

    fn pick(&self, random: &mut Random) -> Option<usize> {
        let mut draw = random.below(100);
        for (priority, load) in self.priorities.iter().zip(&self.loads) {
            if draw < *load {
                return self.outliers.pick(priority.clone(), random);
            }
            draw -= load;
        }
        None
    }

    fn target(&self, host: usize) -> Target {
        Target {
            cluster: self.order[host / HOSTS],
            host: (host % HOSTS) as u16,
        }
    }
}

/// What each priority gets, in percent; nothing at all, where no host is left.
fn priority_loads(health: &[usize]) -> Vec<usize> {
    let total: usize = health.iter().sum::<usize>().min(100);
    let mut left = 100;
    let mut loads: Vec<usize> = health
        .iter()
        .map(|health| {
            let load = (health * 100).checked_div(total).unwrap_or(0).min(left);
            left -= load;
            load
        })
        .collect();
    // What rounding leaves is the first's that has any.
    if let Some(load) = loads.iter_mut().find(|load| **load > 0) {
        *load += left;
    }
    loads
}

impl Proxy for Istio {
    fn first(&mut self, _: bool, random: &mut Random) -> Option<Target> {
        self.pick(random).map(|host| self.target(host))
    }

    fn again(&mut self, _: bool, tried: &[Target], random: &mut Random) -> Option<Target> {
        let mut target = None;
        for _ in 0..SELECTIONS {
            target = self.pick(random).map(|host| self.target(host));
            if target.is_none_or(|target| !tried.contains(&target)) {
                break;
            }
        }
        target
    }

    fn answered(&mut self, target: Target, good: bool, _: u64, now: u64) {
        let place = usize::from(self.places[usize::from(target.cluster)]);
        let host = place * HOSTS + usize::from(target.host);
        if self.outliers.answered(host, good, now) {
            self.settle();
        }
    }

    fn tick(
        &mut self,
        now: u64,
        _: &mut Random,
        _: &mut dyn FnMut(Target, &mut Random) -> bool,
    ) -> u32 {
        if self.outliers.sweep(now) {
            self.settle();
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::priority_loads;

    #[test]
    fn loads_are_those_of_envoys_documentation() {
        let of = |percent: &[usize]| {
            let health: Vec<_> = percent.iter().map(|p| (p * 140 / 100).min(100)).collect();
            priority_loads(&health)
        };
        assert_eq!(of(&[100, 100]), [100, 0]);
        assert_eq!(of(&[71, 100]), [99, 1]);
        assert_eq!(of(&[50, 100]), [70, 30]);
        assert_eq!(of(&[25, 25, 100]), [35, 35, 30]);
        assert_eq!(of(&[25, 25, 20]), [37, 35, 28]);
        assert_eq!(of(&[0, 0]), [0, 0]);
    }
}
