//! The envelope that every document has: `apiVersion`, `kind`, `metadata`, `spec`.

use crate::Code;
use crate::authorization::Authorization;
use crate::decode::{Problems, decode, kind_text, path_text, suggest};
use crate::diagnostic::Diagnostic;
use crate::failover::Failover;
use crate::istio::{ISTIO_API_VERSIONS, IstioAuthorization};
use crate::labels::Labels;
use crate::mesh::Mesh;
use crate::name::Name;
use crate::node::{Node, Value};
use crate::policy_test::PolicyTest;
use crate::record::document;
use crate::shaping::Shaping;
use deserr::{Deserr, IntoValue, ValuePointerRef};
use std::collections::BTreeMap;

/// The version of the documents that this crate reads.
pub const API_VERSION: &str = "landbridge.dev/v1alpha1";

/// The kinds, and the versions that each is read in.
const KINDS: [(&str, &[&str]); 6] = [
    ("Mesh", &[API_VERSION]),
    ("CrossClusterAuthorization", &[API_VERSION]),
    ("AuthorizationPolicy", &ISTIO_API_VERSIONS),
    ("LocalityFailover", &[API_VERSION]),
    ("TrafficShaping", &[API_VERSION]),
    ("PolicyTest", &[API_VERSION]),
];

document! {
    /// Kubernetes' object metadata. What a cluster adds to it is accepted and not looked at.
    #[expect(missing_docs, reason = "the ignored fields are Kubernetes' own")]
    pub struct Metadata {
        /// The name.
        pub name: Name,
        /// The namespace; `default`, where it is left out.
        pub namespace: Option<Name> = default,
        pub labels: Ignored = default,
        /// What tools keep there; of Istio's, `istio.io/dry-run` is looked at.
        #[deserr(from(Option<Labels>) = Labels::into_optional_map)]
        pub annotations: Option<BTreeMap<String, String>> = default,
        pub creation_timestamp: Ignored = default,
        pub generation: Ignored = default,
        pub resource_version: Ignored = default,
        pub uid: Ignored = default,
        pub managed_fields: Ignored = default,
        pub owner_references: Ignored = default,
        pub finalizers: Ignored = default,
    }
}

impl Metadata {
    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.namespace.as_ref().map_or("default", Name::as_str)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// `namespace/name`: what decisions, metrics and tests call a policy.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace(), self.name)
    }
}

/// A field that is accepted whatever it holds, and not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored;

impl Deserr<Problems> for Ignored {
    fn deserialize_from_value<V: IntoValue>(
        _: deserr::Value<V>,
        _: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        Ok(Self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Ignored {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ignored".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        true.into()
    }
}

/// A spec with its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T> {
    /// The metadata.
    pub metadata: Metadata,
    /// The spec.
    pub spec: T,
}

/// What a document may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Where the clusters are.
    Mesh(Named<Mesh>),
    /// Who may cross.
    Authorization(Named<Authorization>),
    /// The same, in Istio's words and meaning.
    Istio(Named<IstioAuthorization>),
    /// Where requests go.
    Failover(Box<Named<Failover>>),
    /// How much may come.
    Shaping(Box<Named<Shaping>>),
    /// What is expected of the policies.
    PolicyTest(Named<PolicyTest>),
}

impl Content {
    /// The kind, as documents write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mesh(_) => "Mesh",
            Self::Authorization(_) => "CrossClusterAuthorization",
            Self::Istio(_) => "AuthorizationPolicy",
            Self::Failover(_) => "LocalityFailover",
            Self::Shaping(_) => "TrafficShaping",
            Self::PolicyTest(_) => "PolicyTest",
        }
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        match self {
            Self::Mesh(d) => &d.metadata,
            Self::Authorization(d) => &d.metadata,
            Self::Istio(d) => &d.metadata,
            Self::Failover(d) => &d.metadata,
            Self::Shaping(d) => &d.metadata,
            Self::PolicyTest(d) => &d.metadata,
        }
    }

    /// `kind namespace/name`.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind(), self.metadata().full_name())
    }
}

/// A document and where it came from.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub content: Content,
    /// The tree it was decoded from.
    pub node: Node,
    /// The file it was read from.
    pub file: Option<String>,
}

/// Documents read together, in their order.
#[derive(Clone, Debug, Default)]
pub struct Documents(pub Vec<Document>);

impl Documents {
    /// The meshes; a valid set has one.
    pub fn meshes(&self) -> impl Iterator<Item = &Named<Mesh>> {
        self.0.iter().filter_map(|d| match &d.content {
            Content::Mesh(mesh) => Some(mesh),
            _ => None,
        })
    }

    /// The metadata of every authorization policy, whoever's words it is in.
    pub fn policies(&self) -> impl Iterator<Item = &Metadata> {
        self.0.iter().filter_map(|d| match &d.content {
            Content::Authorization(policy) => Some(&policy.metadata),
            Content::Istio(policy) => Some(&policy.metadata),
            Content::Mesh(_)
            | Content::Failover(_)
            | Content::Shaping(_)
            | Content::PolicyTest(_) => None,
        })
    }

    /// The authorization policies in our own words.
    pub fn authorizations(&self) -> impl Iterator<Item = &Named<Authorization>> {
        self.0.iter().filter_map(|d| match &d.content {
            Content::Authorization(policy) => Some(policy),
            _ => None,
        })
    }

    /// The failover policies.
    pub fn failovers(&self) -> impl Iterator<Item = &Named<Failover>> {
        self.0.iter().filter_map(|d| match &d.content {
            Content::Failover(policy) => Some(&**policy),
            _ => None,
        })
    }

    /// The shaping policies.
    pub fn shapings(&self) -> impl Iterator<Item = &Named<Shaping>> {
        self.0.iter().filter_map(|d| match &d.content {
            Content::Shaping(policy) => Some(&**policy),
            _ => None,
        })
    }

    /// The tests.
    pub fn policy_tests(&self) -> impl Iterator<Item = &Named<PolicyTest>> {
        self.0.iter().filter_map(|d| match &d.content {
            Content::PolicyTest(test) => Some(test),
            _ => None,
        })
    }
}

#[derive(Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
struct Envelope<T: Deserr<Problems>> {
    #[deserr(default)]
    #[expect(dead_code, reason = "checked before, by itself")]
    api_version: Ignored,
    #[expect(dead_code, reason = "checked before, by itself")]
    kind: Ignored,
    metadata: Metadata,
    spec: T,
    #[deserr(default)]
    #[expect(
        dead_code,
        reason = "what a cluster says of an object is not the author's"
    )]
    status: Ignored,
}

/// Whether `apiVersion` must be there: a policy inside a filter's configuration stands under that
/// configuration's own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ApiVersion {
    Required,
    Inherited,
}

/// Decodes one document of any kind; `at` is its place in what encloses it.
#[cfg_attr(
    not(feature = "yaml"),
    expect(dead_code, reason = "a filter reads JSON, and policies alone")
)]
pub(crate) fn read(node: &Node, at: ValuePointerRef<'_>) -> Result<Content, Problems> {
    let kind = kind_of(node, ApiVersion::Required, at);
    titled(node, || match kind? {
        "Mesh" => envelope(node, at).map(Content::Mesh),
        "PolicyTest" => envelope(node, at).map(Content::PolicyTest),
        "LocalityFailover" => envelope(node, at).map(|p| Content::Failover(Box::new(p))),
        "TrafficShaping" => envelope(node, at).map(|p| Content::Shaping(Box::new(p))),
        kind => policy(kind, node, at),
    })
}

/// Decodes one policy of a filter's configuration. What else there are documents of is not even
/// decoded: a filter does not carry the code for it.
pub(crate) fn read_policy(node: &Node, at: ValuePointerRef<'_>) -> Result<Content, Problems> {
    let kind = kind_of(node, ApiVersion::Inherited, at);
    titled(node, || match kind? {
        kind @ ("Mesh" | "PolicyTest" | "LocalityFailover" | "TrafficShaping") => {
            Err(useless(kind, at))
        }
        kind => policy(kind, node, at),
    })
}

/// The same for the locality filter.
pub(crate) fn read_failover(
    node: &Node,
    at: ValuePointerRef<'_>,
) -> Result<Named<Failover>, Problems> {
    let kind = kind_of(node, ApiVersion::Inherited, at);
    titled(node, || match kind? {
        "LocalityFailover" => envelope(node, at),
        kind => Err(useless(kind, at)),
    })
}

/// The same for the shaping filter.
pub(crate) fn read_shaping(
    node: &Node,
    at: ValuePointerRef<'_>,
) -> Result<Named<Shaping>, Problems> {
    let kind = kind_of(node, ApiVersion::Inherited, at);
    titled(node, || match kind? {
        "TrafficShaping" => envelope(node, at),
        kind => Err(useless(kind, at)),
    })
}

fn useless(kind: &str, at: ValuePointerRef<'_>) -> Problems {
    let message = format!("this filter has no use for a `{kind}`");
    Problems::at(at.push_key("kind"), Code::UnknownKind, message)
}

fn policy(kind: &str, node: &Node, at: ValuePointerRef<'_>) -> Result<Content, Problems> {
    match kind {
        "AuthorizationPolicy" => envelope(node, at).map(Content::Istio),
        _ => envelope(node, at).map(Content::Authorization),
    }
}

/// Problems get the title of their document.
fn titled<T>(node: &Node, read: impl FnOnce() -> Result<T, Problems>) -> Result<T, Problems> {
    read().map_err(|mut problems| {
        let title = title(node);
        for diagnostic in &mut problems.0 {
            diagnostic.document.clone_from(&title);
        }
        problems
    })
}

fn envelope<T: Deserr<Problems>>(
    node: &Node,
    at: ValuePointerRef<'_>,
) -> Result<Named<T>, Problems> {
    let envelope: Envelope<T> = decode(node, at)?;
    Ok(Named {
        metadata: envelope.metadata,
        spec: envelope.spec,
    })
}

/// What to call a document that may yet turn out not to be one.
fn title(node: &Node) -> Option<String> {
    let kind = node.get("kind")?.as_str()?;
    let metadata = node.get("metadata")?;
    let name = metadata.get("name")?.as_str()?;
    let namespace = metadata
        .get("namespace")
        .and_then(Node::as_str)
        .unwrap_or("default");
    Some(format!("{kind} {namespace}/{name}"))
}

fn kind_of(
    node: &Node,
    version: ApiVersion,
    at: ValuePointerRef<'_>,
) -> Result<&'static str, Problems> {
    if !matches!(node.value, Value::Map(_)) {
        let mut problems = Problems::at(
            at,
            Code::WrongType,
            "expected a document: a mapping with a `kind`",
        );
        place(&mut problems, node);
        return Err(problems);
    }
    let mut problems = Problems::default();
    let mut word = |key: &str, required: bool| -> Option<&str> {
        let wrong = match node.get(key).map(|n| (n, &n.value)) {
            Some((_, Value::String(word))) => return Some(word),
            Some((found, _)) => {
                let path = path_text(at.push_key(key));
                let message = format!("expected text, got {}", kind_text(found.kind()));
                let mut wrong = Diagnostic::new(Code::WrongType, path, message);
                wrong.position = found.span.position();
                wrong
            }
            None if required => {
                let message = format!("`{key}` is missing");
                let mut missing = Diagnostic::new(Code::MissingField, path_text(at), message);
                missing.position = node.span.position();
                missing
            }
            None => return None,
        };
        problems.0.push(wrong);
        None
    };
    let api_version = word("apiVersion", version == ApiVersion::Required);
    let kind = word("kind", true);
    let known = kind.and_then(|kind| KINDS.iter().find(|(k, _)| *k == kind));
    let versions = known.map_or(&[API_VERSION][..], |(_, versions)| versions);
    if let Some(api_version) = api_version
        && !versions.contains(&api_version)
    {
        let there: Vec<String> = versions.iter().map(|v| format!("`{v}`")).collect();
        problems.0.push(
            at_key(node, "apiVersion", at, Code::UnknownApiVersion, api_version)
                .hint(format!("there is {}", there.join(", "))),
        );
    }
    match (kind, known) {
        (_, Some((known, _))) if problems.0.is_empty() => return Ok(known),
        (Some(kind), None) => {
            let mut found = at_key(node, "kind", at, Code::UnknownKind, kind);
            found.hint = suggest(kind, KINDS.iter().map(|(kind, _)| *kind));
            problems.0.push(found);
        }
        _ => {}
    }
    Err(problems)
}

fn place(problems: &mut Problems, node: &Node) {
    for diagnostic in &mut problems.0 {
        diagnostic.position = node.span.position();
    }
}

fn at_key(
    node: &Node,
    key: &str,
    at: ValuePointerRef<'_>,
    code: Code,
    written: &str,
) -> Diagnostic {
    let path = path_text(at.push_key(key));
    let mut found = Diagnostic::new(code, path, format!("unknown `{key}`: `{written}`"));
    found.position = node.get(key).and_then(|n| n.span.position());
    found
}
