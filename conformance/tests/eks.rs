//! `deploy/eks`: eksctl's configuration by eksctl's own schema, and the scripts run, against a simulation
//! of AWS (moto) with the real AWS command line, and with OpenSSL.

#[path = "eks/authorities.rs"]
mod authorities;
#[path = "eks/clusters.rs"]
mod clusters;
#[path = "eks/guide.rs"]
mod guide;
#[path = "eks/network.rs"]
mod network;

use std::path::PathBuf;
use std::process::Command;

fn deploy() -> PathBuf {
    landbridge_testbed::workspace().join("deploy/eks")
}

/// What a command printed; it must succeed.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{err}");
    out
}
