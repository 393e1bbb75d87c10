//! From a filter's configuration to a policy set: wholly, or not at all.

use crate::applies::Own;
use crate::compile::{Compiler, source};
use crate::digest::{Digest, Digester};
use crate::index::RuleIndex;
use crate::kept::{Kept, KeptPolicy};
use crate::mesh_index::MeshIndex;
use crate::plan::Plan;
use crate::policy_set::{Clause, PolicySet, RuleSet, Settings};
use landbridge_model::validate::{self, Findings, Names};
use landbridge_model::{
    AnyOf, Code, Content, DefaultAction, Diagnostic, FilterConfig, Limits, Name, Named, Node,
    Options, Path, PeerIdentity, ROOT_NAMESPACE, RawConfig, Source, packed,
};
use std::collections::BTreeSet;
use std::sync::Arc;

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
    /// What the next configuration need not read again.
    pub kept: Kept,
}

/// Reads, checks and compiles a configuration. Every error is in the result, up to a hundred.
pub fn load(
    json: &[u8],
    limits: &Limits,
    surroundings: &dyn Surroundings,
) -> Result<Loaded, Vec<Diagnostic>> {
    load_after(json, limits, surroundings, &Kept::default())
}

/// The same, where another configuration was loaded before: what is written in both is neither read
/// nor compiled again, where the proxy still says of itself what it said. The result is that of
/// [`load`].
pub fn load_after(
    json: &[u8],
    limits: &Limits,
    surroundings: &dyn Surroundings,
    before: &Kept,
) -> Result<Loaded, Vec<Diagnostic>> {
    let json = packed::unpack(json, limits)?;
    let raw = RawConfig::read(&json, limits)?;
    let head = &raw.head;
    let root = Path::Origin;
    let mut found = Found::default();
    let Some((names, mesh)) = check_head(head, &mut found) else {
        return Err(found.errors);
    };
    let own = Own::new(head.local.as_ref(), surroundings);
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
    let head_digest = digester.part(&raw.head_node);
    digester.add(&head_digest);
    let mut kept = Kept::new(head_digest);
    let before = before.under(&head_digest, &own);
    let mut compiler = Compiler::new(&head.mesh);
    ask_who_calls(&mut compiler.plan, &mesh, &head.options);
    let root_namespace = head
        .mesh
        .istio
        .as_ref()
        .and_then(|i| i.root_namespace.as_ref());
    let root_namespace = root_namespace.map_or(ROOT_NAMESPACE, Name::as_str);
    let mut all_istio = raw.policies() > 0;
    let mut titles: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut rules: usize = 0;
    let list = root.push_key("policies");
    for (i, text) in raw.texts().enumerate() {
        let at = list.push_index(i);
        // Only what is written word for word the same is the same.
        let known = before.and_then(|kept| kept.get(text)).filter(|policy| {
            let part = policy.part.as_ref();
            !titles.contains(&policy.title) && part.is_none_or(|part| compiler.take_in(part))
        });
        if let Some(policy) = known {
            digester.add(&policy.digest);
            all_istio &= policy.istio;
            rules = rules.saturating_add(policy.rules);
            titles.insert(Arc::clone(&policy.title));
            found.add(policy.warnings_at(i));
            if rules <= limits.rules {
                kept.insert(text, Arc::clone(policy));
                continue;
            }
        }
        let document = match RawConfig::document(i, text) {
            Ok(document) => document,
            Err(diagnostics) => {
                found.add(diagnostics);
                if found.full() {
                    break;
                }
                continue;
            }
        };
        let digest = digester.part(&document.node);
        digester.add(&digest);
        let mut findings = Findings::default();
        let spec = at.push_key("spec");
        let (scope, own_rules) = match &document.content {
            Content::Authorization(policy) => {
                let namespace = policy.metadata.namespace();
                validate::authorization(&policy.spec, namespace, &names, spec, &mut findings);
                (
                    own.applies(&policy.spec.target, namespace, &mesh, spec, &mut findings),
                    policy.spec.rules.iter().flat_map(AnyOf::iter).count(),
                )
            }
            Content::Istio(policy) => {
                validate::istio_authorization(policy, at, &mut findings);
                (
                    own.applies_istio(policy, root_namespace, spec, &mut findings),
                    policy.spec.rules().count(),
                )
            }
            // Refused before.
            Content::Mesh(_)
            | Content::Failover(_)
            | Content::Shaping(_)
            | Content::PolicyTest(_) => (None, 0),
        };
        let istio = matches!(document.content, Content::Istio(_));
        all_istio &= istio;
        rules = rules.saturating_add(own_rules);
        let title: Arc<str> = validate::unique_name(&document.content).into();
        if !titles.insert(Arc::clone(&title)) {
            let metadata = at.push_key("metadata");
            let message = validate::duplicate(&document.content);
            findings.add(metadata.push_key("name"), Code::DuplicateName, message);
        }
        if rules > limits.rules {
            let message = format!("more rules than {}", limits.rules);
            findings.add(spec, Code::TooMany, message);
            found.add(findings.of(&document, at));
            break;
        }
        let findings = findings.of(&document, at);
        let warnings = findings.clone();
        found.add(findings);
        if found.full() {
            break;
        }
        if !found.errors.is_empty() {
            continue;
        }
        let part = scope.and_then(|scope| match &document.content {
            Content::Authorization(policy) => Some(compiler.compile(policy, &mesh, scope)),
            Content::Istio(policy) => compiler.compile_istio(policy, scope),
            Content::Mesh(_)
            | Content::Failover(_)
            | Content::Shaping(_)
            | Content::PolicyTest(_) => None,
        });
        let part = part.map(Arc::new);
        part.iter().for_each(|part| compiler.push(Arc::clone(part)));
        let policy = KeptPolicy {
            digest,
            title,
            istio,
            rules: own_rules,
            warnings,
            index: i,
            part,
        };
        kept.insert(text, Arc::new(policy));
    }
    if compiler.plan.headers.len() > MOST_HEADERS {
        let message = format!("the policies read more than {MOST_HEADERS} headers");
        found.add(vec![Diagnostic::new(Code::TooMany, "policies", message)]);
    }
    if !found.errors.is_empty() {
        return Err(found.errors);
    }
    let (trusted, gateways) = trust(&head.options, &mesh, &mut compiler.plan);
    let (enforced, candidate, audit) = compiler.sets();
    kept.answers = own.into_answers();
    Ok(Loaded {
        digest: digester.finish(),
        kept,
        policies: raw.policies(),
        warnings: found.warnings,
        set: PolicySet {
            mesh,
            settings: settings(&head.options, all_istio),
            plan: compiler.plan,
            enforced,
            candidate,
            audit,
            labels: compiler.labels,
            trusted,
            gateways,
        },
    })
}

/// Checks what is in a configuration beside its policies; the names that these may use, and the
/// mesh, where it can be numbered.
pub(crate) fn check_head(head: &FilterConfig, found: &mut Found) -> Option<(Names, MeshIndex)> {
    let root = Path::Origin;
    let names = Names::new(&head.mesh);
    let mut findings = Findings::default();
    validate::mesh(&head.mesh, root.push_key("mesh"), &mut findings);
    let options_at = root.push_key("options");
    validate::options(&head.options, &names, options_at, &mut findings);
    found.add(findings.bare());
    let mesh = MeshIndex::new(&head.mesh);
    if mesh.is_none() {
        let message = format!("more clusters than {}", u16::MAX);
        let wrong = Diagnostic::new(Code::TooMany, "mesh.clusters", message);
        found.add(vec![wrong]);
    }
    Some((names, mesh?))
}

/// Reads the policies of a filter that takes one kind, checks each, and adds those that are good and
/// apply here. `check` says whether one applies; it and `add` are given the place of the spec.
pub(crate) fn each_policy<T>(
    raw: &RawConfig<'_>,
    (kind, read): (&str, ReadPolicy<T>),
    digester: &mut Digester,
    found: &mut Found,
    mut check: impl FnMut(&Named<T>, Path<'_>, &mut Findings) -> bool,
    mut add: impl FnMut(&Named<T>, Path<'_>, &mut Findings),
) {
    let root = Path::Origin;
    let list = root.push_key("policies");
    let mut titles: BTreeSet<String> = BTreeSet::new();
    for (i, text) in raw.texts().enumerate() {
        let at = list.push_index(i);
        let (policy, node) = match read(i, text) {
            Ok(policy) => policy,
            Err(diagnostics) => {
                found.add(diagnostics);
                if found.full() {
                    break;
                }
                continue;
            }
        };
        let digest = digester.part(&node);
        digester.add(&digest);
        let spec = at.push_key("spec");
        let mut findings = Findings::default();
        let applies = check(&policy, spec, &mut findings);
        let title = format!("{kind} {}", policy.metadata.full_name());
        if !titles.insert(title.clone()) {
            let name_at = at.push_key("metadata");
            let message = format!("there is another `{title}`");
            findings.add(name_at.push_key("name"), Code::DuplicateName, message);
        }
        // What is wrong with it would be so on any proxy: nothing is made of it.
        let mut problems = findings.placed(&node, at);
        for problem in &mut problems {
            problem.document = Some(title.clone());
        }
        let bad = problems.iter().any(Diagnostic::is_error);
        found.add(problems);
        if found.full() {
            break;
        }
        if applies && !bad {
            let mut findings = Findings::default();
            add(&policy, spec, &mut findings);
            found.add(findings.placed(&node, at));
        }
    }
}

/// How a policy of one kind is read, with the tree that it was read from.
pub(crate) type ReadPolicy<T> = fn(usize, &str) -> Result<(Named<T>, Node), Vec<Diagnostic>>;

/// Has each request asked who calls.
pub(crate) fn ask_who_calls(plan: &mut Plan, mesh: &MeshIndex, options: &Options) {
    plan.needs.issuer = mesh.needs_issuer();
    plan.needs.peer_principal = options.peer_identity == PeerIdentity::FilterState;
}

/// A set that knows who calls and who is trusted, and decides nothing: what filters stand on that
/// are not about who may cross.
pub(crate) fn without_policies(mesh: MeshIndex, options: &Options, mut plan: Plan) -> PolicySet {
    let (trusted, gateways) = trust(options, &mesh, &mut plan);
    PolicySet {
        mesh,
        settings: settings(options, false),
        plan,
        enforced: RuleSet::default(),
        candidate: None,
        audit: RuleIndex::default(),
        labels: Vec::new(),
        trusted,
        gateways,
    }
}

/// Who is trusted, and which gateways.
fn trust(options: &Options, mesh: &MeshIndex, plan: &mut Plan) -> (Vec<Clause>, Vec<Clause>) {
    let mut sources = |list: &Option<AnyOf<Source>>| {
        let list = list.iter().flat_map(AnyOf::iter);
        list.map(|s| source(s, "default", mesh, plan)).collect()
    };
    let trusted = sources(&options.trusted_callers);
    (trusted, sources(&options.trusted_gateways))
}

fn settings(options: &Options, all_istio: bool) -> Settings {
    let otherwise = match all_istio {
        true => DefaultAction::Allow,
        false => DefaultAction::Deny,
    };
    Settings {
        default_action: options.default_action.unwrap_or(otherwise),
        peer_identity: options.peer_identity,
        path_normalization: options.path_normalization,
        explain: options.explain,
        denial_logs_per_second: options
            .denial_logs_per_second
            .unwrap_or(DENIAL_LOGS_PER_SECOND),
    }
}

#[derive(Default)]
pub(crate) struct Found {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Found {
    pub(crate) fn add(&mut self, diagnostics: Vec<Diagnostic>) {
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

    pub(crate) fn errors(&self) -> &[Diagnostic] {
        &self.errors
    }

    pub(crate) fn into_errors(self) -> Vec<Diagnostic> {
        self.errors
    }

    pub(crate) fn into_warnings(self) -> Vec<Diagnostic> {
        self.warnings
    }

    pub(crate) fn full(&self) -> bool {
        self.errors.len() >= MOST_FINDINGS
    }
}
