//! What no single field can know: that what is named exists, that names are unique, that two
//! clusters cannot claim one identity.

mod authorization;
mod callers;
mod failover;
mod gateways;
mod istio;
mod mesh;
mod names;
mod numbers;
mod operation;
mod policy_test;
mod shaping;
mod target;

pub use authorization::{authorization, sources};
pub use failover::failover;
pub use istio::istio_authorization;
pub use mesh::mesh;
pub use names::Names;
pub use shaping::shaping;

use crate::authorization::Mode;
use crate::code::Code;
use crate::decode::{Place, locate, path_text};
use crate::diagnostic::Diagnostic;
use crate::document::{Content, Document, Documents, Metadata, Named};
use crate::failover::Failover;
use crate::filter_config::Options;
use crate::node::Node;
use crate::pattern::AnyOf;
use deserr::ValuePointerRef;
use std::collections::BTreeMap;

/// Where findings about one document go.
#[derive(Debug, Default)]
pub struct Findings(Vec<Diagnostic>);

impl Findings {
    /// Adds a finding.
    pub fn add(&mut self, at: ValuePointerRef<'_>, code: Code, message: impl Into<String>) {
        self.0.push(Diagnostic::new(code, path_text(at), message));
    }

    /// Adds a finding with what to do about it.
    pub fn add_hinted(
        &mut self,
        at: ValuePointerRef<'_>,
        code: Code,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let mut diagnostic = Diagnostic::new(code, path_text(at), message);
        diagnostic.hint = hint;
        self.0.push(diagnostic);
    }

    /// What was found in a document that stands at `at`, each with its place and the document's
    /// title.
    pub fn of(self, document: &Document, at: ValuePointerRef<'_>) -> Vec<Diagnostic> {
        let mut found = self.placed(&document.node, at);
        for diagnostic in &mut found {
            diagnostic.document = Some(document.content.title());
            diagnostic.file.clone_from(&document.file);
        }
        found
    }

    /// What was found in a tree that stands at `at`, each with its place.
    pub fn placed(self, node: &Node, at: ValuePointerRef<'_>) -> Vec<Diagnostic> {
        let prefix = path_text(at);
        let mut found = self.0;
        for diagnostic in &mut found {
            let below = diagnostic
                .path
                .strip_prefix(&prefix)
                .unwrap_or(&diagnostic.path);
            diagnostic.position = locate(node, below, Place::Value).position();
        }
        found
    }

    /// What was found, without places.
    pub fn bare(self) -> Vec<Diagnostic> {
        self.0
    }
}

/// Checks documents that belong together; findings are in the documents' order.
pub fn documents(documents: &Documents) -> Vec<Diagnostic> {
    let root = ValuePointerRef::Origin;
    let spec = root.push_key("spec");
    let name_at = root.push_key("metadata");
    let name_at = name_at.push_key("name");
    let mut found = Vec::new();
    let mut titles: BTreeMap<String, usize> = BTreeMap::new();
    let first_mesh = documents.meshes().next();
    let names = first_mesh.map(|m| Names::new(&m.spec));
    let policies: Vec<String> = documents.policies().map(Metadata::full_name).collect();
    let modes: Vec<(String, Mode)> = documents.0.iter().filter_map(mode).collect();
    let mut meshes: usize = 0;
    let mut failovers: Vec<&Named<Failover>> = Vec::new();
    for document in &documents.0 {
        let mut findings = Findings::default();
        let seen = titles.entry(unique_name(&document.content)).or_default();
        *seen = seen.saturating_add(1);
        if *seen > 1 {
            findings.add(name_at, Code::DuplicateName, duplicate(&document.content));
        }
        match &document.content {
            Content::Mesh(m) => {
                meshes = meshes.saturating_add(1);
                if meshes > 1 {
                    findings.add_hinted(
                        root.push_key("kind"),
                        Code::SeveralMeshes,
                        "there is another `Mesh`",
                        Some("a set of policies is checked against one mesh".to_owned()),
                    );
                }
                mesh(&m.spec, spec, &mut findings);
            }
            Content::Authorization(policy) => match &names {
                Some(names) => {
                    let own = policy.metadata.namespace();
                    authorization(&policy.spec, own, names, spec, &mut findings);
                    authorization::replaces(&policy.spec, own, &modes, spec, &mut findings);
                }
                None => no_mesh(root, &mut findings),
            },
            Content::Istio(policy) => {
                istio_authorization(policy, root, &mut findings);
                if names.is_none() {
                    no_mesh(root, &mut findings);
                }
            }
            Content::Failover(policy) => match &names {
                Some(names) => {
                    let own = policy.metadata.namespace();
                    failover(&policy.spec, own, names, spec, &mut findings);
                    failover::contested(policy, &failovers, spec, &mut findings);
                    failovers.push(policy);
                }
                None => no_mesh(root, &mut findings),
            },
            Content::Shaping(policy) => match &names {
                Some(names) => {
                    let own = policy.metadata.namespace();
                    shaping(&policy.spec, own, names, spec, &mut findings);
                }
                None => no_mesh(root, &mut findings),
            },
            Content::PolicyTest(test) => match &names {
                Some(names) => {
                    policy_test::policy_test(&test.spec, names, &policies, spec, &mut findings);
                }
                None => no_mesh(root, &mut findings),
            },
        }
        found.extend(findings.of(document, root));
    }
    found
}

/// What no other document may be called: policies of both kinds share their names, since
/// decisions call them by those.
pub fn unique_name(content: &Content) -> String {
    let kind = match content {
        Content::Authorization(_) | Content::Istio(_) => "policy",
        Content::Mesh(_) | Content::Failover(_) | Content::Shaping(_) | Content::PolicyTest(_) => {
            content.kind()
        }
    };
    format!("{kind} {}", content.metadata().full_name())
}

/// What is said of a document that has another's name.
pub fn duplicate(content: &Content) -> String {
    match content {
        Content::Authorization(_) | Content::Istio(_) => {
            format!(
                "there is another policy `{}`",
                content.metadata().full_name()
            )
        }
        Content::Mesh(_) | Content::Failover(_) | Content::Shaping(_) | Content::PolicyTest(_) => {
            format!("there is another `{}`", content.title())
        }
    }
}

/// The name and mode of a policy.
fn mode(document: &Document) -> Option<(String, Mode)> {
    let (metadata, mode) = match &document.content {
        Content::Authorization(policy) => (&policy.metadata, policy.spec.mode),
        Content::Istio(policy) if policy.is_dry_run() => (&policy.metadata, Mode::Shadow),
        Content::Istio(policy) => (&policy.metadata, Mode::Enforce),
        Content::Mesh(_) | Content::Failover(_) | Content::Shaping(_) | Content::PolicyTest(_) => {
            return None;
        }
    };
    Some((metadata.full_name(), mode))
}

/// Checks options that stand at `at`.
pub fn options(options: &Options, names: &Names, at: ValuePointerRef<'_>, findings: &mut Findings) {
    for (key, list) in [
        ("trustedCallers", &options.trusted_callers),
        ("trustedGateways", &options.trusted_gateways),
    ] {
        let list = list.iter().flat_map(AnyOf::iter);
        sources(list, names, at.push_key(key), findings);
    }
    let list = options.trusted_gateways.iter().flat_map(AnyOf::iter);
    let at = at.push_key("trustedGateways");
    gateways::gateways(list, names, at, findings);
}

fn no_mesh(at: ValuePointerRef<'_>, findings: &mut Findings) {
    findings.add_hinted(
        at.push_key("kind"),
        Code::NoMesh,
        "there is no `Mesh` to check this against",
        Some("give the file with the `Mesh` as well".to_owned()),
    );
}
