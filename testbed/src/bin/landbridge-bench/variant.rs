//! What is compared, and its Envoys.

use std::time::Duration;

use landbridge_testbed::filter_module;
use landbridge_testbed::solo::{Solo, Stage};

use crate::generate;
use crate::policies::Policy;
use crate::translate;
use crate::{Result, problem};

/// The numbers of policies.
pub const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// What stands before the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Nothing.
    None,
    /// A Wasm filter that reads the header map and sets one header.
    Noop,
    /// Envoy's own RBAC filter with so many policies.
    Rbac(usize),
    /// Landbridge's authorization filter with as many.
    Landbridge(usize),
}

impl Variant {
    pub fn all() -> Vec<Self> {
        let sizes = SIZES.into_iter();
        let sized = sizes.flat_map(|size| [Self::Rbac(size), Self::Landbridge(size)]);
        [Self::None, Self::Noop].into_iter().chain(sized).collect()
    }

    pub fn name(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Noop => "noop".to_owned(),
            Self::Rbac(size) => format!("rbac_{size}"),
            Self::Landbridge(size) => format!("landbridge_{size}"),
        }
    }

    /// The policies that are enforced, if any are.
    pub fn policies(self) -> Option<Vec<Policy>> {
        match self {
            Self::None | Self::Noop => None,
            Self::Rbac(size) | Self::Landbridge(size) => Some(generate::policies(size)),
        }
    }
}

/// A variant's Envoy, which runs.
pub struct Runner {
    pub variant: Variant,
    pub policies: Option<Vec<Policy>>,
    pub solo: Solo,
    pub setup: Setup,
}

/// What it took to configure it.
pub struct Setup {
    /// The size of what differs between the variants: the filter's JSON.
    pub bytes: usize,
    /// From the start of the process until it takes requests, each time.
    pub ready: Vec<Duration>,
    /// The memory it then holds, in KiB.
    pub rss: u64,
    /// The most it ever held, in KiB.
    pub peak_rss: u64,
}

impl Runner {
    /// Starts a variant's Envoy `starts` times; the last one stays.
    pub async fn start(stage: &mut Stage, variant: Variant, starts: usize) -> Result<Self> {
        let policies = variant.policies();
        let (filters, bytes) = match (variant, &policies) {
            (Variant::Rbac(_), Some(policies)) => {
                let filter = translate::rbac(policies);
                let bytes = filter.to_string().len();
                (vec![filter], bytes)
            }
            (Variant::Landbridge(_), Some(policies)) => {
                let config = translate::landbridge(policies);
                let module = filter_module("authz")?;
                (
                    vec![translate::wasm("authz", &module, &config)],
                    config.len(),
                )
            }
            (Variant::Noop, _) => {
                let module = filter_module("noop")?;
                (vec![translate::wasm("noop", &module, "")], 0)
            }
            _ => (Vec::new(), 0),
        };
        // The first start reads files that the disk has; it is not counted.
        let solo = stage.start(&variant.name(), filters)?;
        solo.ready().await?;
        let mut ready = Vec::new();
        for _ in 0..starts {
            ready.push(solo.restart().await?);
        }
        let setup = Setup {
            bytes,
            ready,
            rss: memory(&solo, "VmRSS:")?,
            peak_rss: memory(&solo, "VmHWM:")?,
        };
        Ok(Self {
            variant,
            policies,
            solo,
            setup,
        })
    }
}

fn memory(solo: &Solo, field: &str) -> Result<u64> {
    let status = solo.proc("status")?;
    let value = status.lines().find_map(|line| line.strip_prefix(field));
    value
        .and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok())
        .ok_or_else(|| problem(format!("`/proc` does not tell `{field}`")))
}
