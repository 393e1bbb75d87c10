//! Which policies are for this proxy.

use crate::compile::Scope;
use crate::load::{Surroundings, Unknown};
use crate::mesh_index::MeshIndex;
use landbridge_model::validate::Findings;
use landbridge_model::{
    AnyOf, Code, Content, IstioAuthorization, Local, Mesh, Name, Named, Path, ROOT_NAMESPACE,
    Target, TargetKind, TargetRef,
};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The labels by which Istio marks the workloads of a gateway or waypoint.
const GATEWAY: &str = "gateway.networking.k8s.io/gateway-name";
const GATEWAY_CLASS: &str = "gateway.networking.k8s.io/gateway-class-name";
/// Who made it, and whom Istio has make waypoints.
const MANAGED: &str = "gateway.istio.io/managed";
const MESH_CONTROLLER: &str = "istio.io-mesh-controller";

/// Whether a policy applies at a proxy, to some request at least; `None`, where the proxy does not
/// know of itself what the target asks for.
pub fn applies(content: &Content, mesh: &Mesh, proxy: &dyn Surroundings) -> Option<bool> {
    let istio = mesh.istio.as_ref();
    let root = istio.and_then(|istio| istio.root_namespace.as_ref());
    let root = root.map_or(ROOT_NAMESPACE, Name::as_str);
    let mesh = MeshIndex::new(mesh)?;
    let own = Own::new(None, proxy);
    let mut findings = Findings::default();
    let at = Path::Origin;
    let mut native =
        |target: &Target, namespace: &str| own.applies(target, namespace, &mesh, at, &mut findings);
    let scope = match content {
        Content::Authorization(p) => native(&p.spec.target, p.metadata.namespace()),
        Content::Failover(p) => native(&p.spec.target, p.metadata.namespace()),
        Content::Shaping(p) => native(&p.spec.target, p.metadata.namespace()),
        Content::Istio(p) => own.applies_istio(p, root, at, &mut findings),
        Content::Mesh(_) | Content::PolicyTest(_) => None,
    };
    findings.bare().is_empty().then_some(scope.is_some())
}

/// What the proxy is: what the configuration says, else what the proxy says. Each thing is asked
/// once.
pub(crate) struct Own<'a> {
    local: Option<&'a Local>,
    surroundings: &'a dyn Surroundings,
    answers: RefCell<Answers>,
}

/// What a policy's target may ask of the proxy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    Cluster,
    Namespace,
    Label(String),
}

/// What was asked, and what the proxy said.
pub(crate) type Answers = BTreeMap<Question, Result<Option<String>, Unknown>>;

impl<'a> Own<'a> {
    pub(crate) fn new(local: Option<&'a Local>, surroundings: &'a dyn Surroundings) -> Self {
        Self {
            local,
            surroundings,
            answers: RefCell::default(),
        }
    }

    pub(crate) fn ask(&self, question: &Question) -> Result<Option<String>, Unknown> {
        if let Some(answer) = self.answers.borrow().get(question) {
            return answer.clone();
        }
        let local = self.local;
        let answer = match question {
            Question::Cluster => Ok(local
                .and_then(|l| l.cluster.as_ref())
                .map(|c| c.as_str().to_owned())
                .or_else(|| self.surroundings.cluster())),
            Question::Namespace => Ok(local
                .and_then(|l| l.namespace.as_ref())
                .map(|n| n.as_str().to_owned())
                .or_else(|| self.surroundings.namespace())),
            Question::Label(key) => match local.and_then(|l| l.labels.as_ref()) {
                Some(labels) => Ok(labels.get(key).cloned()),
                None => self.surroundings.label(key),
            },
        };
        self.answers
            .borrow_mut()
            .insert(question.clone(), answer.clone());
        answer
    }

    pub(crate) fn into_answers(self) -> Answers {
        self.answers.into_inner()
    }

    fn cluster(&self) -> Option<String> {
        self.ask(&Question::Cluster).ok().flatten()
    }

    fn namespace(&self) -> Option<String> {
        self.ask(&Question::Namespace).ok().flatten()
    }

    fn label(&self, key: &str) -> Result<Option<String>, Unknown> {
        self.ask(&Question::Label(key.to_owned()))
    }

    /// For which requests a policy of a namespace applies here; `None`, where for none. What the
    /// proxy does not know of itself, and a target asks for, is an error: to pass over a policy that
    /// denies would let a caller in.
    pub(crate) fn applies(
        &self,
        target: &Target,
        namespace: &str,
        mesh: &MeshIndex,
        at: Path<'_>,
        findings: &mut Findings,
    ) -> Option<Scope> {
        let at = at.push_key("target");
        let mut applies = true;
        if let Some(clusters) = &target.clusters {
            let own = self.cluster().filter(|own| mesh.has(own));
            let place = at.push_key("clusters");
            match own {
                Some(own) => applies &= clusters.iter().any(|c| c.as_str() == own),
                None => unknown("cluster", "CLUSTER_ID", place, findings),
            }
        }
        if let Some(namespace) = &target.namespace {
            applies &= self.is_in(namespace.as_str(), at.push_key("namespace"), findings);
        }
        let labels = target.selector.iter().flat_map(|s| &s.match_labels);
        applies &= self.has(labels, at.push_key("selector"), findings);
        let refs: Vec<&TargetRef> = target.target_refs.iter().flat_map(AnyOf::iter).collect();
        let scope = self.scope(&refs, namespace, None, at.push_key("targetRefs"), findings);
        scope.filter(|_| applies)
    }

    /// The same of one of Istio's: it applies in its own namespace, and everywhere where that is the
    /// root namespace.
    pub(crate) fn applies_istio(
        &self,
        policy: &Named<IstioAuthorization>,
        root: &str,
        at: Path<'_>,
        findings: &mut Findings,
    ) -> Option<Scope> {
        let namespace = policy.metadata.namespace();
        let mut applies = true;
        let refs: Vec<&TargetRef> = policy.spec.target_refs().collect();
        if refs.is_empty() {
            // A waypoint takes what is attached to it, and nothing else.
            let managed = self.label(MANAGED).ok().flatten();
            applies &= managed.as_deref() != Some(MESH_CONTROLLER);
            applies &= namespace == root || self.is_in(namespace, at, findings);
        }
        let selector = policy.spec.selector.as_ref();
        let labels = selector.and_then(|s| s.match_labels.as_ref());
        applies &= self.has(
            labels.into_iter().flatten(),
            at.push_key("selector"),
            findings,
        );
        let refs_at = at.push_key("targetRefs");
        let scope = self.scope(&refs, namespace, Some(root), refs_at, findings);
        scope.filter(|_| applies)
    }

    fn is_in(&self, namespace: &str, at: Path<'_>, findings: &mut Findings) -> bool {
        match self.namespace() {
            Some(own) => namespace == own,
            None => {
                unknown("namespace", "NAMESPACE", at, findings);
                false
            }
        }
    }

    fn has<'l>(
        &self,
        labels: impl Iterator<Item = (&'l String, &'l String)>,
        at: Path<'_>,
        findings: &mut Findings,
    ) -> bool {
        let mut all = true;
        for (key, value) in labels {
            match self.label(key) {
                Ok(own) => all &= own.as_ref() == Some(value),
                Err(Unknown) => unknown("labels", "LABELS", at, findings),
            }
        }
        all
    }

    /// For which requests this proxy is, or stands in front of, one of these. `root` is the namespace
    /// that a policy for a class of gateways must be in, where it must.
    fn scope(
        &self,
        refs: &[&TargetRef],
        namespace: &str,
        root: Option<&str>,
        at: Path<'_>,
        findings: &mut Findings,
    ) -> Option<Scope> {
        if refs.is_empty() {
            return Some(Scope::Always);
        }
        let (gateway, class) = match (self.label(GATEWAY), self.label(GATEWAY_CLASS)) {
            (Ok(gateway), Ok(class)) => (gateway, class),
            _ => {
                unknown("labels", "LABELS", at, findings);
                return None;
            }
        };
        // Whatever else a sidecar is, it is no gateway.
        let gateway = gateway?;
        for target in refs {
            let is_it = match target.kind {
                TargetKind::Gateway => {
                    gateway == target.name.as_str() && self.is_in(namespace, at, findings)
                }
                TargetKind::GatewayClass => {
                    class.as_deref() == Some(target.name.as_str())
                        && root.is_none_or(|root| root == namespace)
                }
                TargetKind::Service => false,
            };
            if is_it {
                return Some(Scope::Always);
            }
        }
        let services = refs
            .iter()
            .filter(|target| target.kind == TargetKind::Service);
        let mut services = services.map(|target| target.name.as_str()).peekable();
        services
            .peek()
            .is_some()
            .then(|| Scope::services(services, namespace))
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
