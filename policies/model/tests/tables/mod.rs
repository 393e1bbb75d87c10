//! Documents and what is found in them, for the tests that read them in different ways.
//!
//! A case is a spec; its envelope takes four lines, so that the spec starts on line 5, and it is
//! indented by two. What is expected is written as `code line:column path`.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "shared by tests, each of which uses a part, and fails by panicking"
)]

pub(crate) mod failover;
pub(crate) mod fields;
pub(crate) mod good;
pub(crate) mod istio;
pub(crate) mod names;
pub(crate) mod shaping;

use landbridge_model::{Diagnostic, Documents, validate, yaml};

/// The mesh beside which policies and tests are checked.
pub(crate) const MESH: &str = include_str!("../../../corpus/mesh.yaml");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Mesh,
    Policy,
    Failover,
    Shaping,
    Istio,
    Test,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// What is wrong with it, or good about it.
    pub(crate) what: &'static str,
    pub(crate) kind: Kind,
    pub(crate) spec: &'static str,
    pub(crate) finds: &'static [&'static str],
}

pub(crate) const fn mesh(
    what: &'static str,
    spec: &'static str,
    finds: &'static [&'static str],
) -> Case {
    Case {
        what,
        kind: Kind::Mesh,
        spec,
        finds,
    }
}

pub(crate) const fn policy(
    what: &'static str,
    spec: &'static str,
    finds: &'static [&'static str],
) -> Case {
    Case {
        what,
        kind: Kind::Policy,
        spec,
        finds,
    }
}

pub(crate) const fn failover(
    what: &'static str,
    spec: &'static str,
    finds: &'static [&'static str],
) -> Case {
    Case {
        what,
        kind: Kind::Failover,
        spec,
        finds,
    }
}

pub(crate) const fn shaping(
    what: &'static str,
    spec: &'static str,
    finds: &'static [&'static str],
) -> Case {
    Case {
        what,
        kind: Kind::Shaping,
        spec,
        finds,
    }
}

pub(crate) const fn istio(
    what: &'static str,
    spec: &'static str,
    finds: &'static [&'static str],
) -> Case {
    Case {
        what,
        kind: Kind::Istio,
        spec,
        finds,
    }
}

pub(crate) const fn test(
    what: &'static str,
    spec: &'static str,
    finds: &'static [&'static str],
) -> Case {
    Case {
        what,
        kind: Kind::Test,
        spec,
        finds,
    }
}

impl Case {
    /// The whole document.
    pub(crate) fn text(&self) -> String {
        let (kind, name) = match self.kind {
            Kind::Mesh => ("Mesh", "m"),
            Kind::Policy => ("CrossClusterAuthorization", "a"),
            Kind::Failover => ("LocalityFailover", "f"),
            Kind::Shaping => ("TrafficShaping", "s"),
            Kind::Istio => ("AuthorizationPolicy", "a"),
            Kind::Test => ("PolicyTest", "t"),
        };
        let version = match self.kind {
            Kind::Istio => "security.istio.io/v1",
            _ => "landbridge.dev/v1alpha1",
        };
        let mut text = format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n"
        );
        for line in self.spec.trim_matches('\n').lines() {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// What is found, as `finds` writes it; a policy is checked beside [`MESH`].
    pub(crate) fn found(&self) -> Vec<String> {
        let beside = match self.kind {
            Kind::Mesh => "",
            _ => MESH,
        };
        check(&self.text(), beside).iter().map(line).collect()
    }
}

/// What is found in a text, and in nothing that stands beside it.
pub(crate) fn check(text: &str, beside: &str) -> Vec<Diagnostic> {
    let mut documents = if beside.is_empty() {
        Documents::default()
    } else {
        yaml::read(beside, Some("beside")).unwrap()
    };
    let mut found = Vec::new();
    match yaml::read(text, Some("text")) {
        Ok(read) => documents.0.extend(read.0),
        Err((read, problems)) => {
            documents.0.extend(read.0);
            found.extend(problems);
        }
    }
    found.extend(validate::documents(&documents));
    for diagnostic in &found {
        assert_eq!(diagnostic.file.as_deref(), Some("text"), "{diagnostic}");
    }
    found.sort_by_key(|d| d.position);
    found
}

/// `code line:column path`.
pub(crate) fn line(diagnostic: &Diagnostic) -> String {
    let place = diagnostic
        .position
        .map_or("-".to_owned(), |at| format!("{}:{}", at.line, at.column));
    let line = format!("{} {place} {}", diagnostic.code, diagnostic.path);
    line.trim_end().to_owned()
}

/// Compares what is found in every case with what is expected, and tells all differences.
pub(crate) fn compare(cases: &[Case]) {
    let mut wrong = String::new();
    for case in cases {
        let found = case.found();
        if found != case.finds {
            wrong.push_str(&format!(
                "\n{}: expected {:#?}, found {found:#?} in\n{}",
                case.what,
                case.finds,
                case.text()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
