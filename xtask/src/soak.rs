//! `cargo xtask soak`: the filters beside Envoy's own, at random.

use crate::cli::SoakArgs;
use crate::testbed::{self, Profile};
use crate::{Result, process};

pub(crate) fn run(args: &SoakArgs) -> Result<()> {
    let mut soak = testbed::program("landbridge-soak", Profile::Release)?;
    soak.arg(&args.what);
    soak.arg("--minutes").arg(args.minutes.to_string());
    if let Some(seed) = args.seed {
        soak.arg("--seed").arg(seed.to_string());
    }
    if let Some(case) = args.case {
        soak.arg("--case").arg(case.to_string());
    }
    Err(process::become_it(&mut soak))
}
