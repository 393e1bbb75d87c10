//! The tools are those that `conformance/go` pins.

use landbridge_conformance::tool;

#[test]
fn every_tool_runs() {
    for (name, version) in [
        ("crane", "version"),
        ("kustomize", "version"),
        ("helm", "version"),
    ] {
        let output = tool(name).arg(version).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
    }
}
