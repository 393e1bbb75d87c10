//! `cargo xtask schema`: the JSON Schemas, from the model.

use crate::{Result, process};

pub(crate) fn run() -> Result<()> {
    let mut cargo = process::cargo(["run", "-q", "-p", "landbridge-model"])?;
    process::run(cargo.args(["--features", "schema", "--example", "schema"]))
}
