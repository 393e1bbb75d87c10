//! `cargo xtask demo`: the three-cluster mesh, at work.

use crate::cli::DemoArgs;
use crate::{Result, process, test};

pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let mut demo = process::cargo(["run", "-q", "-p", "landbridge-testbed"])?;
    demo.args(["--bin", "landbridge-demo", "--"]);
    if args.keep {
        demo.arg("--keep");
    }
    test::testbed(&mut demo)?;
    Err(process::become_it(&mut demo))
}
