//! Writes the dashboards of `deploy/observability/dashboards` anew.

use std::{fs, io};

use landbridge_conformance::dashboards;
use landbridge_testbed::workspace;

fn main() -> io::Result<()> {
    let folder = workspace().join("deploy/observability/dashboards");
    fs::create_dir_all(&folder)?;
    for dashboard in dashboards::all() {
        let path = folder.join(format!("{}.json", dashboard.uid));
        fs::write(path, format!("{:#}\n", dashboards::json(&dashboard)))?;
    }
    Ok(())
}
