//! `cargo xtask dashboards`: Grafana's dashboards, from their description.

use crate::{Result, process};

pub(crate) fn run() -> Result<()> {
    let mut cargo = process::cargo(["run", "-q", "-p", "landbridge-conformance"])?;
    process::run(cargo.args(["--bin", "dashboards"]))
}
