//! What no single field can know: that what is named exists, that names are unique, that two
//! clusters cannot claim one identity.

mod authorization;
mod mesh;
mod names;

pub use authorization::{authorization, sources};
pub use mesh::mesh;
pub use names::Names;

use crate::authorization::Mode;
use crate::code::Code;
use crate::decode::{Place, locate, path_text, suggest};
use crate::diagnostic::Diagnostic;
use crate::document::{Content, Document, Documents};
use crate::node::Node;
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
    let policies: Vec<String> = documents
        .authorizations()
        .map(|p| p.metadata.full_name())
        .collect();
    let modes: Vec<(String, Mode)> = documents
        .authorizations()
        .map(|p| (p.metadata.full_name(), p.spec.mode))
        .collect();
    let mut meshes: usize = 0;
    for document in &documents.0 {
        let mut findings = Findings::default();
        let seen = titles.entry(document.content.title()).or_default();
        *seen = seen.saturating_add(1);
        if *seen > 1 {
            let message = format!("there is another `{}`", document.content.title());
            findings.add(name_at, Code::DuplicateName, message);
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
                    authorization(&policy.spec, names, spec, &mut findings);
                    let own = policy.metadata.namespace();
                    authorization::replaces(&policy.spec, own, &modes, spec, &mut findings);
                }
                None => no_mesh(root, &mut findings),
            },
            Content::PolicyTest(test) => match &names {
                Some(names) => policy_test(&test.spec, names, &policies, spec, &mut findings),
                None => no_mesh(root, &mut findings),
            },
        }
        found.extend(findings.of(document, root));
    }
    found
}

fn no_mesh(at: ValuePointerRef<'_>, findings: &mut Findings) {
    findings.add_hinted(
        at.push_key("kind"),
        Code::NoMesh,
        "there is no `Mesh` to check this against",
        Some("give the file with the `Mesh` as well".to_owned()),
    );
}

fn policy_test(
    test: &crate::PolicyTest,
    names: &Names,
    policies: &[String],
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if let Some(cluster) = &test.local.cluster {
        let place = at.push_key("local");
        names.known_cluster(cluster.as_str(), place.push_key("cluster"), findings);
    }
    if let Some(trusted) = &test.options.trusted_callers {
        let place = at.push_key("options");
        sources(
            trusted.iter(),
            names,
            place.push_key("trustedCallers"),
            findings,
        );
    }
    let cases = at.push_key("cases");
    for (i, case) in test.cases.iter().enumerate() {
        let case_at = cases.push_index(i);
        let request = case_at.push_key("request");
        let from = request.push_key("from");
        if let Some(caller) = &case.request.from {
            if let Some(cluster) = &caller.cluster {
                names.known_cluster(cluster.as_str(), from.push_key("cluster"), findings);
            }
            let parts = caller.namespace.is_some() || caller.service_account.is_some();
            match (&caller.principal, &caller.cluster) {
                (Some(_), None) if !parts => {}
                (None, Some(_)) => {}
                _ => findings.add_hinted(
                    from,
                    Code::InvalidValue,
                    "expected either a `principal` or a `cluster`",
                    Some("leave `from` out for a caller without a certificate".to_owned()),
                ),
            }
        }
        let expect = case_at.push_key("expect");
        let audited = expect.push_key("audited");
        let expected = case
            .expect
            .policy
            .iter()
            .map(|p| (p, expect.push_key("policy")));
        let audits = case.expect.audited.iter().enumerate();
        let audits = audits.map(|(i, p)| (p, audited.push_index(i)));
        for (policy, place) in expected.chain(audits) {
            if !policies.contains(policy) {
                let hint = suggest(policy, policies.iter().map(String::as_str));
                let message = format!("no policy is called `{policy}`");
                findings.add_hinted(place, Code::UnknownPolicy, message, hint);
            }
        }
    }
}
