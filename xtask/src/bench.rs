//! `cargo xtask bench`: the filters measured in a real Envoy, the engine by its instructions.

use crate::cli::BenchArgs;
use crate::testbed::{self, Profile};
use crate::{Result, instructions, process, workspace};

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    if args.what == "instructions" {
        return instructions::run();
    }
    let mut bench = testbed::program("landbridge-bench", Profile::Release)?;
    bench.arg(&args.what);
    if args.quick {
        bench.arg("--quick");
    }
    if let Some(file) = &args.json {
        bench.arg("--json").arg(workspace::absolute(file)?);
    }
    if let Some(folder) = &args.svg {
        bench.arg("--svg").arg(workspace::absolute(folder)?);
    }
    Err(process::become_it(&mut bench))
}
