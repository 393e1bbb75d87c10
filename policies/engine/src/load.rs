//! From a filter's configuration to a policy set: wholly, or not at all.

use crate::compile::{Compiler, source};
use crate::digest::{Digest, Digester};
use crate::mesh_index::MeshIndex;
use crate::policy_set::{PolicySet, Settings};
use landbridge_model::validate::{self, Findings, Names};
use landbridge_model::{
    AnyOf, Code, Content, Diagnostic, Limits, Local, Options, Path, RawConfig, Target,
};
use std::collections::BTreeSet;

/// The most findings that are told: a log is read by people.
const MOST_FINDINGS: usize = 100;
/// The most header names that policies may read.
const MOST_HEADERS: usize = 1024;
/// How many denials a worker logs a second, where `options` does not say.
const DENIAL_LOGS_PER_SECOND: u32 = 10;

/// What a proxy says of itself, where the configuration does not.
pub trait Surroundings {
    /// The cluster it is in.
    fn cluster(&self) -> Option<String>;
    /// The namespace of its workload.
    fn namespace(&self) -> Option<String>;
    /// One label of its workload; `Err` where its labels cannot be known.
    fn label(&self, key: &str) -> Result<Option<String>, Unknown>;
}

/// What a proxy does not know of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

/// A configuration that is good.
#[derive(Debug)]
pub struct Loaded {
    /// The policies that apply to the proxy.
    pub set: PolicySet,
    /// What the configuration is called.
    pub digest: Digest,
    /// How many policies it has, those that do not apply here too.
    pub policies: usize,
    /// What is worth knowing of it.
    pub warnings: Vec<Diagnostic>,
}

/// Reads, checks and compiles a configuration. Every error is in the result, up to a hundred.
pub fn load(
    json: &[u8],
    limits: &Limits,
    surroundings: &dyn Surroundings,
) -> Result<Loaded, Vec<Diagnostic>> {
    let raw = RawConfig::read(json, limits)?;
    let head = &raw.head;
    let root = Path::Origin;
    let names = Names::new(&head.mesh);
    let mut found = Found::default();
    let mut findings = Findings::default();
    validate::mesh(&head.mesh, root.push_key("mesh"), &mut findings);
    let options_at = root.push_key("options");
    if let Some(trusted) = &head.options.trusted_callers {
        let at = options_at.push_key("trustedCallers");
        validate::sources(trusted.iter(), &names, at, &mut findings);
    }
    found.add(findings.bare());
    let Some(mesh) = MeshIndex::new(&head.mesh) else {
        let message = format!("more clusters than {}", u16::MAX);
        found.add(vec![Diagnostic::new(
            Code::TooMany,
            "mesh.clusters",
            message,
        )]);
        return Err(found.errors);
    };
    let own = Own {
        local: head.local.as_ref(),
        surroundings,
    };
    if let Some(cluster) = head.local.as_ref().and_then(|l| l.cluster.as_ref())
        && !mesh.has(cluster.as_str())
    {
        let message = format!("the mesh has no cluster `{cluster}`");
        found.add(vec![Diagnostic::new(
            Code::UnknownCluster,
            "local.cluster",
            message,
        )]);
    }

    let mut digester = Digester::default();
    digester.add(&raw.head_node);
    let mut compiler = Compiler::default();
    compiler.plan.issuer = mesh.needs_issuer();
    let mut titles = BTreeSet::new();
    let mut rules: usize = 0;
    let list = root.push_key("policies");
    for (i, document) in raw.documents().enumerate() {
        let at = list.push_index(i);
        let document = match document {
            Ok(document) => document,
            Err(diagnostics) => {
                found.add(diagnostics);
                if found.full() {
                    break;
                }
                continue;
            }
        };
        digester.add(&document.node);
        let mut findings = Findings::default();
        let Content::Authorization(policy) = &document.content else {
            let message = format!(
                "a filter has no use for a `{}` here",
                document.content.kind()
            );
            findings.add(at.push_key("kind"), Code::UnknownKind, message);
            found.add(findings.of(&document, at));
            continue;
        };
        if !titles.insert(policy.metadata.full_name()) {
            let metadata = at.push_key("metadata");
            let message = format!("there is another `{}`", document.content.title());
            findings.add(metadata.push_key("name"), Code::DuplicateName, message);
        }
        rules = rules.saturating_add(policy.spec.rules.iter().flat_map(AnyOf::iter).count());
        if rules > limits.rules {
            let message = format!("more rules than {}", limits.rules);
            findings.add(at.push_key("spec"), Code::TooMany, message);
            found.add(findings.of(&document, at));
            break;
        }
        let spec = at.push_key("spec");
        validate::authorization(&policy.spec, &names, spec, &mut findings);
        let applies = own.is_target(&policy.spec.target, &mesh, spec, &mut findings);
        found.add(findings.of(&document, at));
        if found.full() {
            break;
        }
        if applies && found.errors.is_empty() {
            compiler.add(policy, &mesh);
        }
    }
    if compiler.plan.headers.len() > MOST_HEADERS {
        let message = format!("the policies read more than {MOST_HEADERS} headers");
        found.add(vec![Diagnostic::new(Code::TooMany, "policies", message)]);
    }
    if !found.errors.is_empty() {
        return Err(found.errors);
    }
    let trusted = head.options.trusted_callers.iter().flat_map(AnyOf::iter);
    let trusted = trusted.map(|s| source(s, "default", &mesh)).collect();
    let (enforced, candidate, audit) = compiler.sets();
    Ok(Loaded {
        digest: digester.finish(),
        policies: raw.policies(),
        warnings: found.warnings,
        set: PolicySet {
            mesh,
            settings: settings(&head.options),
            plan: compiler.plan,
            enforced,
            candidate,
            audit,
            labels: compiler.labels,
            trusted,
        },
    })
}

fn settings(options: &Options) -> Settings {
    Settings {
        default_action: options.default_action,
        path_normalization: options.path_normalization,
        explain: options.explain,
        denial_logs_per_second: options
            .denial_logs_per_second
            .unwrap_or(DENIAL_LOGS_PER_SECOND),
    }
}

#[derive(Default)]
struct Found {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Found {
    fn add(&mut self, diagnostics: Vec<Diagnostic>) {
        for diagnostic in diagnostics {
            let list = if diagnostic.is_error() {
                &mut self.errors
            } else {
                &mut self.warnings
            };
            if list.len() < MOST_FINDINGS {
                list.push(diagnostic);
            }
        }
    }

    fn full(&self) -> bool {
        self.errors.len() >= MOST_FINDINGS
    }
}

/// What the proxy is: what the configuration says, else what the proxy says.
struct Own<'a> {
    local: Option<&'a Local>,
    surroundings: &'a dyn Surroundings,
}

impl Own<'_> {
    fn cluster(&self) -> Option<String> {
        let written = self.local.and_then(|l| l.cluster.as_ref());
        written
            .map(|c| c.as_str().to_owned())
            .or_else(|| self.surroundings.cluster())
    }

    fn namespace(&self) -> Option<String> {
        let written = self.local.and_then(|l| l.namespace.as_ref());
        written
            .map(|n| n.as_str().to_owned())
            .or_else(|| self.surroundings.namespace())
    }

    fn label(&self, key: &str) -> Result<Option<String>, Unknown> {
        match self.local.and_then(|l| l.labels.as_ref()) {
            Some(labels) => Ok(labels.get(key).cloned()),
            None => self.surroundings.label(key),
        }
    }

    /// Whether a policy applies here. What the proxy does not know of itself, and a target asks
    /// for, is an error: to pass over a policy that denies would let a caller in.
    fn is_target(
        &self,
        target: &Target,
        mesh: &MeshIndex,
        at: Path<'_>,
        findings: &mut Findings,
    ) -> bool {
        let target_at = at.push_key("target");
        let mut applies = true;
        if let Some(clusters) = &target.clusters {
            let own = self.cluster().filter(|own| mesh.has(own));
            let place = target_at.push_key("clusters");
            match own {
                Some(own) => applies &= clusters.iter().any(|c| c.as_str() == own),
                None => unknown("cluster", "CLUSTER_ID", place, findings),
            }
        }
        if let Some(namespace) = &target.namespace {
            let place = target_at.push_key("namespace");
            match self.namespace() {
                Some(own) => applies &= namespace.as_str() == own,
                None => unknown("namespace", "NAMESPACE", place, findings),
            }
        }
        for (key, value) in target.selector.iter().flat_map(|s| &s.match_labels) {
            let place = target_at.push_key("selector");
            match self.label(key) {
                Ok(own) => applies &= own.as_ref() == Some(value),
                Err(Unknown) => unknown("labels", "LABELS", place, findings),
            }
        }
        applies
    }
}

fn unknown(field: &str, metadata: &str, at: Path<'_>, findings: &mut Findings) {
    findings.add_hinted(
        at,
        Code::UnknownLocal,
        format!("this proxy does not know its own {field}, or the mesh does not know it"),
        Some(format!(
            "set `local.{field}`, or `{metadata}` in the proxy's node metadata"
        )),
    );
}
