//! A filter's `pluginConfig`: the JSON that a proxy is given.
//!
//! Policies are kept as the bytes they came as until each is compiled, one after the other: a
//! tree of ten thousand policies would take several times the memory of what is compiled from it,
//! and a Wasm module never gives memory back.

use crate::decode::decode;
use crate::diagnostic::Diagnostic;
use crate::document::{self, Content, Document, Documents, Named};
use crate::failover::Failover;
use crate::istio::DRY_RUN;
use crate::labels::Labels;
use crate::mesh::Mesh;
use crate::name::{ClusterName, Name};
use crate::node::{DUPLICATE_KEY, Entry, Node, Seen, Span, Value, push_json_string};
use crate::packed;
use crate::pattern::AnyOf;
use crate::record::document;
use crate::shaping::Shaping;
use crate::word::words;
use crate::{Code, Source};
use deserr::ValuePointerRef;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// What a configuration may hold at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of the JSON, in bytes; unpacked, where it is packed.
    pub bytes: usize,
    /// The size of the JSON that a packed configuration stands in, in bytes.
    pub packed: usize,
    /// The number of policies.
    pub policies: usize,
    /// The number of rules of all policies.
    pub rules: usize,
}

impl Default for Limits {
    /// 8 MiB, 2 MiB packed, 20,000 policies, 100,000 rules: more than one Kubernetes object holds,
    /// packed or not.
    fn default() -> Self {
        Self {
            bytes: 8 << 20,
            packed: 2 << 20,
            policies: 20_000,
            rules: 100_000,
        }
    }
}

document! {
    /// What is in a configuration beside its policies.
    pub struct FilterConfig {
        /// `landbridge.dev/v1alpha1`.
        pub api_version: String,
        /// The spec of the `Mesh`.
        pub mesh: Mesh,
        /// What the proxy is; its own node metadata, where it is left out.
        pub local: Option<Local> = default,
        /// How the filter behaves.
        pub options: Options = default,
    }

    /// What a proxy is.
    #[derive(Default)]
    pub struct Local {
        /// The cluster it is in; node metadata `CLUSTER_ID`, where it is left out.
        pub cluster: Option<ClusterName> = default,
        /// The namespace of its workload; node metadata `NAMESPACE`, where it is left out.
        pub namespace: Option<Name> = default,
        /// The labels of its workload; node metadata `LABELS`, where they are left out.
        #[deserr(from(Option<Labels>) = Labels::into_optional_map)]
        pub labels: Option<BTreeMap<String, String>> = default,
    }

    /// How the authorization filter behaves.
    #[derive(Default)]
    pub struct Options {
        /// What becomes of a request where no ALLOW policy applies to the proxy: `Deny`, where it
        /// is left out, but `Allow` where all policies are Istio's own documents.
        pub default_action: Option<DefaultAction> = default,
        /// How a path is normalised before it is judged and sent on.
        pub path_normalization: PathNormalization = default,
        /// Who is told why, in the response header `x-landbridge-decision`.
        pub explain: Explain = default,
        /// Callers who may be told why and may set `x-landbridge-*` request headers.
        pub trusted_callers: Option<AnyOf<Source>> = default,
        /// Gateways that are believed when they say, in the last element of
        /// `x-forwarded-client-cert`, who called them.
        pub trusted_gateways: Option<AnyOf<Source>> = default,
        /// Where the caller's SPIFFE ID comes from.
        pub peer_identity: PeerIdentity = default,
        /// How many denials a worker logs a second; 10, where it is left out. What is not logged is
        /// counted in the next line that is.
        pub denial_logs_per_second: Option<u32> = default,
        /// Whether the workload behind a sidecar is trusted, too: where its requests leave, it
        /// has no certificate to show.
        pub trust_own_workload: Option<bool> = default,
        /// Whose requests may be broken on purpose.
        pub faults: Faults = default,
    }
}

words! {
    /// What becomes of a request where no ALLOW policy applies to the proxy.
    pub enum DefaultAction {
        /// It is refused.
        Deny = "Deny",
        /// It goes on, unless a DENY policy matches.
        Allow = "Allow",
    }

    /// Whose requests may be broken on purpose.
    #[derive(Default)]
    pub enum Faults {
        /// Nobody's.
        #[default]
        Never = "Never",
        /// Those of `trustedCallers`.
        Trusted = "Trusted",
    }

    /// Where the caller's SPIFFE ID comes from.
    #[derive(Default)]
    pub enum PeerIdentity {
        /// The client certificate.
        #[default]
        Certificate = "Certificate",
        /// The client certificate, or where there is none the filter state
        /// `io.istio.peer_principal`, in which a waypoint keeps it.
        FilterState = "FilterState",
    }

    /// Istio's `pathNormalization` modes.
    #[derive(Default)]
    pub enum PathNormalization {
        /// The path is judged and sent on as it came.
        None = "NONE",
        /// RFC 3986: dot segments, percent-encoded letters, `\` for `/`.
        Base = "BASE",
        /// And repeated slashes made one.
        #[default]
        MergeSlashes = "MERGE_SLASHES",
        /// And `%2F` and `%5C` decoded first, which the other modes refuse.
        DecodeAndMergeSlashes = "DECODE_AND_MERGE_SLASHES",
    }

    /// Who is told why.
    #[derive(Default)]
    pub enum Explain {
        /// Nobody.
        Never = "Never",
        /// `trustedCallers`.
        #[default]
        Trusted = "Trusted",
        /// Everybody: for a testbed.
        Always = "Always",
    }
}

/// A configuration split into its head, decoded, and its policies, not yet.
pub struct RawConfig<'a> {
    /// What is in it beside the policies.
    pub head: FilterConfig,
    /// The head as it was written.
    pub head_node: Node,
    policies: Vec<&'a RawValue>,
}

impl<'a> RawConfig<'a> {
    /// Splits a configuration, within limits. One that may be packed is first unpacked
    /// ([`packed::unpack`]): whoever calls keeps that, for as long as its policies are read.
    pub fn read(json: &'a [u8], limits: &Limits) -> Result<Self, Vec<Diagnostic>> {
        if json.len() > limits.bytes {
            let message = format!(
                "the configuration has {} bytes, the limit is {}",
                json.len(),
                limits.bytes
            );
            return Err(vec![Diagnostic::new(Code::TooLarge, "", message)]);
        }
        let split: Split<'a> = serde_json::from_slice(json).map_err(|e| vec![syntax(&e, "")])?;
        if split.policies.len() > limits.policies {
            let message = format!(
                "{} policies, the limit is {}",
                split.policies.len(),
                limits.policies
            );
            return Err(vec![Diagnostic::new(Code::TooMany, "policies", message)]);
        }
        if split.head.iter().any(|entry| entry.key == "packed") {
            return Err(vec![packed::beside("packed")]);
        }
        let head_node = Node::bare(Value::Map(split.head));
        let head: FilterConfig =
            decode(&head_node, ValuePointerRef::Origin).map_err(|problems| problems.0)?;
        known_version(&head.api_version)?;
        Ok(Self {
            head,
            head_node,
            policies: split.policies,
        })
    }

    /// How many policies there are.
    pub fn policies(&self) -> usize {
        self.policies.len()
    }

    /// Each policy as it was written.
    pub fn texts(&self) -> impl Iterator<Item = &'a str> {
        self.policies.iter().map(|raw| raw.get())
    }

    /// The tree of the policy at an index, one of [`Self::texts`], before it is decoded.
    pub fn tree(index: usize, text: &str) -> Result<Node, Vec<Diagnostic>> {
        let list = ValuePointerRef::Origin.push_key("policies");
        let at = list.push_index(index);
        serde_json::from_str(text).map_err(|e| vec![syntax(&e, &crate::decode::path_text(at))])
    }

    /// Decodes the policy at an index, one of [`Self::texts`].
    pub fn document(index: usize, text: &str) -> Result<Document, Vec<Diagnostic>> {
        let list = ValuePointerRef::Origin.push_key("policies");
        let at = list.push_index(index);
        let node = Self::tree(index, text)?;
        let content = document::read_policy(&node, at).map_err(|p| p.0)?;
        Ok(Document {
            content,
            node,
            file: None,
        })
    }

    /// Decodes the failover policy at an index, one of [`Self::texts`]; with the tree that it was
    /// decoded from.
    pub fn failover(index: usize, text: &str) -> Result<(Named<Failover>, Node), Vec<Diagnostic>> {
        let list = ValuePointerRef::Origin.push_key("policies");
        let at = list.push_index(index);
        let node = Self::tree(index, text)?;
        let policy = document::read_failover(&node, at).map_err(|p| p.0)?;
        Ok((policy, node))
    }

    /// Decodes the shaping policy at an index, one of [`Self::texts`]; with the tree that it was
    /// decoded from.
    pub fn shaping(index: usize, text: &str) -> Result<(Named<Shaping>, Node), Vec<Diagnostic>> {
        let list = ValuePointerRef::Origin.push_key("policies");
        let at = list.push_index(index);
        let node = Self::tree(index, text)?;
        let policy = document::read_shaping(&node, at).map_err(|p| p.0)?;
        Ok((policy, node))
    }

    /// Decodes one policy after the other.
    pub fn documents(&self) -> impl Iterator<Item = Result<Document, Vec<Diagnostic>>> {
        let texts = self.texts().enumerate();
        texts.map(|(index, text)| Self::document(index, text))
    }
}

/// That a configuration's `apiVersion` is one that is read here.
pub(crate) fn known_version(version: &str) -> Result<(), Vec<Diagnostic>> {
    if version == document::API_VERSION {
        return Ok(());
    }
    let message = format!("unknown `apiVersion`: `{version}`");
    let hint = format!("there is `{}`", document::API_VERSION);
    Err(vec![
        Diagnostic::new(Code::UnknownApiVersion, "apiVersion", message).hint(hint),
    ])
}

pub(crate) fn syntax(error: &serde_json::Error, path: &str) -> Diagnostic {
    let mut text = error.to_string();
    let code = if text.starts_with(DUPLICATE_KEY) {
        Code::DuplicateKey
    } else if text.starts_with("recursion limit") {
        Code::TooDeep
    } else if error.is_data() {
        Code::WrongType
    } else {
        Code::Syntax
    };
    // Inside a policy, lines and columns count from that policy's own beginning.
    if let (false, Some(end)) = (path.is_empty(), text.rfind(" at line ")) {
        text.truncate(end);
    }
    Diagnostic::new(code, path, text)
}

struct Split<'a> {
    head: Vec<Entry>,
    policies: Vec<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Split<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SplitVisitor;

        impl<'de> Visitor<'de> for SplitVisitor {
            type Value = Split<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a filter's configuration")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Split<'de>, A::Error> {
                let mut head: Vec<Entry> = Vec::new();
                let mut policies = None;
                let mut keys = Seen::default();
                while let Some(key) = map.next_key::<String>()? {
                    let seen = (key == "policies" && policies.is_some()) || keys.again(&key, &head);
                    if seen {
                        return Err(A::Error::custom(format_args!("{DUPLICATE_KEY}`{key}`")));
                    }
                    if key == "policies" {
                        policies = Some(map.next_value::<Vec<&'de RawValue>>()?);
                    } else {
                        let node = map.next_value()?;
                        head.push(Entry {
                            key,
                            key_span: Span::default(),
                            node,
                        });
                    }
                }
                Ok(Split {
                    head,
                    policies: policies.unwrap_or_default(),
                })
            }
        }

        deserializer.deserialize_map(SplitVisitor)
    }
}

/// Which filter a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterKind {
    /// Cross-cluster authorization.
    Authz,
    /// Locality failover.
    Locality,
    /// Traffic shaping.
    Shaping,
}

impl FilterKind {
    /// Whether the filter has a use for a document, beside the mesh.
    fn reads(self, content: &Content) -> bool {
        match content {
            Content::Mesh(_) | Content::PolicyTest(_) => false,
            Content::Authorization(_) | Content::Istio(_) => self == Self::Authz,
            Content::Failover(_) => self == Self::Locality,
            Content::Shaping(_) => self == Self::Shaping,
        }
    }

    /// What a filter of this kind finds in a configuration when it reads its policies.
    pub fn read_policies(self, config: &RawConfig<'_>) -> Vec<Diagnostic> {
        let texts = config.texts().enumerate();
        let found = texts.filter_map(|(i, text)| match self {
            Self::Authz => RawConfig::document(i, text).err(),
            Self::Locality => RawConfig::failover(i, text).err(),
            Self::Shaping => RawConfig::shaping(i, text).err(),
        });
        found.flatten().collect()
    }
}

/// Renders documents as the authorization filter's configuration. `local` and `options` are
/// JSON, and left out where they are `None`. The documents must be valid.
pub fn render(documents: &Documents, local: Option<&str>, options: Option<&str>) -> String {
    render_for(FilterKind::Authz, documents, local, options)
}

/// The same for any filter: it gets the policies that it has a use for.
pub fn render_for(
    filter: FilterKind,
    documents: &Documents,
    local: Option<&str>,
    options: Option<&str>,
) -> String {
    let mut out = format!("{{\"apiVersion\":\"{}\"", document::API_VERSION);
    let mesh = documents
        .0
        .iter()
        .find(|d| matches!(d.content, Content::Mesh(_)));
    if let Some(spec) = mesh.and_then(|d| d.node.get("spec")) {
        out.push_str(",\"mesh\":");
        out.push_str(&spec.to_json());
    }
    for (key, value) in [("local", local), ("options", options)] {
        if let Some(value) = value {
            out.push_str(&format!(",\"{key}\":{value}"));
        }
    }
    out.push_str(",\"policies\":[");
    let mut first = true;
    for document in &documents.0 {
        if !filter.reads(&document.content) {
            continue;
        }
        let metadata = document.content.metadata();
        if !first {
            out.push(',');
        }
        first = false;
        // Of the metadata a proxy needs what follows, and nothing that a cluster added.
        let (name, namespace) = (&metadata.name, metadata.namespace());
        let kind = document.content.kind();
        out.push_str(&format!(
            "{{\"kind\":\"{kind}\",\"metadata\":{{\"name\":\"{name}\",\"namespace\":\"{namespace}\""
        ));
        if let (Content::Istio(_), Some(dry_run)) =
            (&document.content, metadata.annotation(DRY_RUN))
        {
            out.push_str(&format!(",\"annotations\":{{\"{DRY_RUN}\":"));
            push_json_string(&mut out, dry_run);
            out.push('}');
        }
        out.push_str("},\"spec\":");
        let spec = document.node.get("spec");
        out.push_str(&spec.map_or_else(|| "{}".to_owned(), Node::to_json));
        out.push('}');
    }
    out.push_str("]}");
    out
}

/// Renders the configuration that a `PolicyTest` among the documents is about: its own `local` and
/// `options`.
pub fn render_for_test(documents: &Documents, test: &Document) -> String {
    let part = |key: &str| Some(test.node.get("spec")?.get(key)?.to_json());
    render(
        documents,
        part("local").as_deref(),
        part("options").as_deref(),
    )
}
