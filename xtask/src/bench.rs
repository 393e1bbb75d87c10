//! `cargo xtask bench`: the filters measured in a real Envoy.

use crate::cli::BenchArgs;
use crate::{Result, process, test, workspace};

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let mut bench = process::cargo(["run", "--release", "-q", "-p", "landbridge-testbed"])?;
    bench
        .args(["--bin", "landbridge-bench", "--"])
        .arg(&args.what);
    if args.quick {
        bench.arg("--quick");
    }
    if let Some(file) = &args.json {
        bench.arg("--json").arg(workspace::absolute(file)?);
    }
    test::testbed(&mut bench)?;
    Err(process::become_it(&mut bench))
}
