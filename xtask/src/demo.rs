//! `cargo xtask demo`: the three-cluster mesh, at work.

use crate::cli::DemoArgs;
use crate::testbed::{self, Profile};
use crate::{Result, process};

pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let mut demo = testbed::program("landbridge-demo", Profile::Dev)?;
    if args.keep {
        demo.arg("--keep");
    }
    Err(process::become_it(&mut demo))
}
