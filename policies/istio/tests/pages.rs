//! The example on the page of each of Istio's diagnostics really has that fault.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod scene;

use landbridge_istio::{FailStrategy, Form, IstioVersion, Scope, Settings, render};
use landbridge_model::Code;
use scene::{documents, lock, names};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const MESH: &str = include_str!("../../corpus/mesh.yaml");

/// What the first line of an example says, where it is the command.
fn said(code: Code, settings: &mut Settings) {
    match code {
        Code::NotInThisIstio => {
            settings.istio = IstioVersion::parse("1.29").unwrap();
            settings.form = Form::TrafficExtension;
        }
        Code::RootNamespace => {
            settings.scope = Scope::Namespace;
            settings.namespaces = Some(names(["shop", "istio-system"]));
        }
        Code::NoModule => settings.lock.modules.clear(),
        Code::FailsOpen => settings.fail_strategy = Some(FailStrategy::Open),
        _ => {}
    }
}

#[test]
fn examples_have_the_fault_and_no_other() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics");
    let mut seen = 0;
    for &code in Code::ALL {
        if !code.as_str().starts_with("LB06") {
            continue;
        }
        let page = fs::read_to_string(folder.join(format!("{code}.md"))).unwrap();
        let Some((_, rest)) = page.split_once("```yaml\n") else {
            continue;
        };
        let (yaml, _) = rest.split_once("```").unwrap();
        let documents = documents(&match yaml.contains("kind: Mesh\n") {
            true => yaml.to_owned(),
            false => format!("{MESH}---\n{yaml}"),
        });
        let mut settings = Settings::new(lock());
        said(code, &mut settings);
        let commands = yaml.starts_with("# landbridge render istio ");
        let before = Settings::new(lock());
        let changed = format!("{before:?}") != format!("{settings:?}");
        assert_eq!(
            commands, changed,
            "{code}: the example says what it is rendered with"
        );
        let found = match render(&documents, &settings) {
            Ok(rendered) => rendered.warnings,
            Err(found) => found,
        };
        let codes: BTreeSet<Code> = found.iter().map(|d| d.code).collect();
        assert_eq!(codes, BTreeSet::from([code]), "{code}: {found:#?}");
        seen += 1;
    }
    assert_eq!(seen, 11);
}
