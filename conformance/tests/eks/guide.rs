//! What docs/install.md has its reader do, as far as it needs no cluster.

use crate::deploy;
use landbridge_conformance::landbridge;
use landbridge_testbed::workspace;
use std::fs;
use std::process::Command;

/// `landbridge`, in the root of the workspace, as the guide is read.
fn run(args: &str, more: &[&str]) -> String {
    let mut command: Command = landbridge();
    command.args(args.split_whitespace()).args(more);
    crate::printed(command.current_dir(workspace()))
}

#[test]
fn what_istio_is_installed_with_is_what_is_rendered() {
    let folder = tempfile::tempdir().unwrap();
    run(
        "render istio deploy/eks/policies --lock deploy/example/landbridge.lock.json -o",
        &[folder.path().to_str().unwrap()],
    );
    let read = |path| fs::read_to_string(path).unwrap();
    let rendered = read(folder.path().join("mesh-config.yaml"));
    assert_eq!(rendered, read(deploy().join("istio/mesh-config.yaml")));
}

/// The guide says that a policy in shadow refuses nobody, and counts whom it would.
#[test]
fn in_shadow_nobody_is_refused_and_who_would_be_is_told() {
    let issuer = ["--issuer", "L=use1-a,CN=Intermediate CA,O=Istio"];
    let ask = |options: &str, path: &str| {
        let args = format!(
            "explain deploy/eks/policies {options} --cluster euw1-a --namespace shop --label \
             app=orders --from use1-a --path {path}"
        );
        run(&args, &issuer)
    };
    let options = "--options deploy/eks/options.yaml";
    let refused = ask(options, "/customers/7");
    assert!(refused.starts_with("allow: "), "{refused}");
    assert!(refused.contains("would_deny"), "{refused}");
    let fine = ask(options, "/orders/7");
    assert!(
        fine.starts_with("allow: ") && !fine.contains("would_deny"),
        "{fine}"
    );
    // Which is what the options are for.
    let without = ask("", "/orders/7");
    assert!(without.starts_with("deny: DENIED_BY_DEFAULT"), "{without}");
}
