//! Kubernetes objects out of YAML or JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::Problem;

/// One Kubernetes object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The API's group, without the version: `extensions.istio.io`; empty for the core's.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, `default` if it says none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The whole of it.
    pub json: Value,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Object {
    fn read(json: Value) -> Result<Self, Problem> {
        let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
        let required = |pointer: &str| {
            let name = json.pointer("/metadata/name").and_then(Value::as_str);
            let what = name.unwrap_or("an object");
            let field = pointer.trim_start_matches('/').replace('/', ".");
            text(pointer).ok_or_else(|| Problem::new(what, field, "it is missing"))
        };
        let api = required("/apiVersion")?;
        let group = api.split_once('/').map_or("", |(group, _)| group);
        let object = Self {
            group: group.to_owned(),
            kind: required("/kind")?.to_owned(),
            namespace: text("/metadata/namespace").unwrap_or("default").to_owned(),
            name: required("/metadata/name")?.to_owned(),
            json: Value::Null,
        };
        Ok(Self { json, ..object })
    }

    /// Its `spec`; null if there is none.
    pub fn spec(&self) -> &Value {
        &self.json["spec"]
    }

    /// A string under `metadata`, `labels` or `annotations`.
    pub fn metadata(&self, part: &str) -> BTreeMap<String, String> {
        strings(&self.json["metadata"][part])
    }

    /// Where the API server keeps it, as istiod writes it into what it makes of it.
    pub(crate) fn path(&self, plural: &str) -> String {
        let Self {
            group,
            namespace,
            name,
            ..
        } = self;
        // istiod's own word for the version, whichever one was written.
        format!("/apis/{group}/v1/namespaces/{namespace}/{plural}/{name}")
    }
}

/// The strings of a map of strings.
pub(crate) fn strings(map: &Value) -> BTreeMap<String, String> {
    let entries = map.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Kubernetes objects, in the order that they were written in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifests(Vec<Object>);

impl Manifests {
    /// Reads the objects of a text; a `List` is what is in it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let broken = |why: String| Problem::new("the manifests", "the text", why);
        let trees = landbridge_model::yaml::trees(text).map_err(|error| broken(error.message))?;
        let mut objects = Vec::new();
        for tree in trees {
            let json: Value =
                serde_json::from_str(&tree.to_json()).map_err(|error| broken(error.to_string()))?;
            match json.get("items").and_then(Value::as_array) {
                _ if json.is_null() => {}
                Some(items) => {
                    for item in items {
                        objects.push(Object::read(item.clone())?);
                    }
                }
                None => objects.push(Object::read(json)?),
            }
        }
        Ok(Self(objects))
    }

    /// Both, one after the other.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Every object.
    pub fn all(&self) -> &[Object] {
        &self.0
    }

    /// Those of a kind.
    pub fn of<'a>(&'a self, group: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.0
            .iter()
            .filter(move |object| object.group == group && object.kind == kind)
    }
}
