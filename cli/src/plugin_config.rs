//! Filters' configurations, found again in what a mesh was given.
//!
//! A `pluginConfig` by itself, the `WasmPlugin` or `TrafficExtension` that it stands in, or a list
//! of many things as `kubectl get -o yaml` prints it: whatever is not Landbridge's is passed over,
//! so that nobody has to pick a mesh apart first.

use crate::input::Source;
use landbridge_engine::Digest;
use landbridge_model::{
    API_VERSION, Diagnostic, FilterKind, Limits, Node, RawConfig, Value, packed, yaml,
};

/// A configuration and where it was.
pub(crate) struct Found {
    /// `WasmPlugin istio-system/landbridge-authz`; the file's name, where it stands by itself.
    pub(crate) place: String,
    /// The file.
    pub(crate) file: String,
    /// The filter, where its plugin's name tells.
    pub(crate) filter: Option<FilterKind>,
    /// As it was given.
    given: String,
}

/// A configuration that was read.
pub(crate) struct Read {
    /// The whole of it but the policies.
    pub(crate) head: Node,
    /// Each policy.
    pub(crate) policies: Vec<Node>,
    /// What filters call it.
    pub(crate) digest: Digest,
    /// Bytes as it is delivered.
    pub(crate) delivered: usize,
    /// Bytes unpacked, where it was packed.
    pub(crate) unpacked: Option<usize>,
}

impl Found {
    /// Unpacks and splits it; that its policies are good is `landbridge check`'s to say.
    pub(crate) fn read(&self) -> Result<Read, Vec<Diagnostic>> {
        let limits = Limits::default();
        let given = self.given.as_bytes();
        let json = packed::unpack(given, &limits).map_err(|found| self.at(found))?;
        let config = RawConfig::read(&json, &limits).map_err(|found| self.at(found))?;
        let mut policies = Vec::with_capacity(config.policies());
        for (index, text) in config.texts().enumerate() {
            policies.push(RawConfig::tree(index, text).map_err(|found| self.at(found))?);
        }
        let digest = Digest::of(&json, &limits).map_err(|found| self.at(found))?;
        let packed = matches!(json, std::borrow::Cow::Owned(_));
        Ok(Read {
            policies,
            digest,
            delivered: given.len(),
            unpacked: packed.then_some(json.len()),
            head: config.head_node,
        })
    }

    /// Findings, with where they were.
    fn at(&self, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        for diagnostic in &mut found {
            diagnostic.file = Some(self.file.clone());
            diagnostic.document = Some(self.place.clone()).filter(|place| *place != self.file);
        }
        found
    }
}

/// Every configuration of Landbridge's in a text.
pub(crate) fn find(source: &Source) -> Result<Vec<Found>, Box<Diagnostic>> {
    let mut found = Vec::new();
    let in_file = |mut diagnostic: Box<Diagnostic>| {
        diagnostic.file = Some(source.name.clone());
        diagnostic
    };
    for tree in yaml::trees(&source.text).map_err(in_file)? {
        look(&tree, &source.name, &mut found);
    }
    Ok(found)
}

fn look(tree: &Node, file: &str, found: &mut Vec<Found>) {
    let kind = tree.get("kind").and_then(Node::as_str);
    let config = match kind {
        None => Some(tree),
        Some("WasmPlugin") => tree.get("spec").and_then(|s| s.get("pluginConfig")),
        Some("TrafficExtension") => {
            let wasm = tree.get("spec").and_then(|s| s.get("wasm"));
            wasm.and_then(|w| w.get("pluginConfig"))
        }
        // `List`, and what the API server calls the list of one kind.
        Some(list) if list.ends_with("List") => {
            if let Some(Value::Sequence(items)) = tree.get("items").map(|items| &items.value) {
                items.iter().for_each(|item| look(item, file, found));
            }
            return;
        }
        Some(_) => return,
    };
    let ours = |config: &&Node| {
        let version = config.get("apiVersion").and_then(Node::as_str);
        let has = |key| config.get(key).is_some();
        // Of whatever version: what cannot be read is told, not passed over.
        version.is_some_and(|v| v.split('/').next() == API_VERSION.split('/').next())
            && (has("mesh") || has("packed") || has("policies"))
    };
    let Some(config) = config.filter(ours) else {
        return;
    };
    let metadata = |key| tree.get("metadata")?.get(key)?.as_str();
    let place = match (kind, metadata("name")) {
        (Some(kind), Some(name)) => {
            let namespace = metadata("namespace").unwrap_or("default");
            format!("{kind} {namespace}/{name}")
        }
        _ => file.to_owned(),
    };
    found.push(Found {
        filter: metadata("name").and_then(filter),
        place,
        file: file.to_owned(),
        given: config.to_json(),
    });
}

/// The filter that a plugin's name tells: `landbridge-shaping-outbound` is one for shaping.
pub(crate) fn filter(plugin: &str) -> Option<FilterKind> {
    let rest = plugin.strip_prefix("landbridge-")?;
    match rest.split('-').next()? {
        "authz" => Some(FilterKind::Authz),
        "locality" => Some(FilterKind::Locality),
        "shaping" => Some(FilterKind::Shaping),
        _ => None,
    }
}
