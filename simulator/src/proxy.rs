//! What the simulation asks of a proxy, whoever decides in it.

use crate::random::Random;

/// Endpoints of the service in each cluster.
pub const HOSTS: usize = 10;
/// How often a request is tried again at most: Landbridge's default, and Istio's.
pub const RETRIES: usize = 2;

/// Where a request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub cluster: u16,
    pub host: u16,
}

pub trait Proxy {
    /// Where a request goes; `restricted` ones may not leave their jurisdiction.
    fn first(&mut self, restricted: bool, random: &mut Random) -> Option<Target>;

    /// Where a request goes that failed at all of `tried`.
    fn again(&mut self, restricted: bool, tried: &[Target], random: &mut Random) -> Option<Target>;

    /// What became of it.
    fn answered(&mut self, target: Target, good: bool, micros: u64, now: u64);

    /// A quarter of a second passed; `probe` asks a host. How many probes were sent.
    fn tick(
        &mut self,
        now: u64,
        random: &mut Random,
        probe: &mut dyn FnMut(Target, &mut Random) -> bool,
    ) -> u32;
}
