//! Kubernetes objects, and how they are written.

use crate::settings::Part;
use serde_json::{Value, json};
use std::cmp::Ordering;

/// The label that everything rendered has, so that it can be listed and pruned.
const LABELS: (&str, &str) = ("app.kubernetes.io/managed-by", "landbridge");

/// One Kubernetes object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is about.
    pub part: Part,
    /// All of it, from `apiVersion` on.
    pub value: Value,
}

impl Object {
    pub(crate) fn new(
        part: Part,
        (api_version, kind): (&str, &str),
        (namespace, name): (&str, &str),
        spec: Value,
    ) -> Self {
        let value = json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {LABELS.0: LABELS.1},
            },
            "spec": spec,
        });
        Self { part, value }
    }

    /// With an annotation.
    pub(crate) fn annotated(mut self, key: &str, value: &str) -> Self {
        if let Some(metadata) = self
            .value
            .get_mut("metadata")
            .and_then(Value::as_object_mut)
        {
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.insert(key.to_owned(), json!(value));
            }
        }
        self
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// How many bytes the API server would keep, about.
    pub(crate) fn size(&self) -> usize {
        self.value.to_string().len()
    }

    fn text(&self, pointer: &str) -> &str {
        let value = self.value.pointer(pointer);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    /// The order in which objects are written: it depends on nothing but what they are called.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let key = |o: &Self| {
            (
                o.part,
                o.namespace().to_owned(),
                o.kind().to_owned(),
                o.name().to_owned(),
            )
        };
        key(self).cmp(&key(other))
    }
}

/// Writes a value as YAML that readers of YAML 1.1, as Kubernetes' is, take for the same.
pub fn yaml(value: &Value) -> Result<String, String> {
    let options = serde_saphyr::ser_options! {
        yaml_12: false,
        prefer_block_scalars: false,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, value, options)
        .map_err(|e| e.to_string())?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::yaml;
    use serde_json::{Value, json};

    #[test]
    fn what_yaml_could_read_as_something_else_is_quoted() {
        let words = [
            "y",
            "n",
            "yes",
            "No",
            "on",
            "off",
            "true",
            "null",
            "~",
            "",
            " a",
            "a ",
            "1.31",
            "1e3",
            "0x1f",
            "0o17",
            "017",
            "1_000",
            "12:30:45",
            "2026-12-01T09:00:00Z",
            "2026-12-01",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "*",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a`",
            "[a]",
            "{a}",
            "a,b",
            "'a'",
            "\"a\"",
            "a\nb",
            "a\n",
            "\n",
            "\t",
            "a\\b",
            "|",
            ">",
            "?",
            ":",
            "-",
            "--- a",
            "...",
            "=",
            "<<",
            "NaN",
            ".inf",
            "é",
            "\u{0}",
            "\u{7f}",
            "\u{2028}",
            "\u{feff}a",
            "%DOWNSTREAM_PEER_ISSUER%",
            "outbound|80|use1-a|orders.shop.svc.cluster.local",
        ];
        for word in words {
            for value in [
                json!({"k": word}),
                json!([word]),
                json!({word: 1}),
                json!([[{"a": word}]]),
            ] {
                let text = yaml(&value).unwrap();
                let trees = landbridge_model::yaml::trees(&text);
                let tree = &trees.unwrap_or_else(|e| panic!("{word:?}: {e}: {text}"))[0];
                let read: Value = serde_json::from_str(&tree.to_json()).unwrap();
                assert_eq!(read, value, "{text}");
            }
        }
        // What is a boolean or a number to YAML 1.1 alone, Kubernetes reads as one.
        for word in [
            "y", "yes", "on", "off", "No", "017", "1_000", "12:30:45", "0b1", "=",
        ] {
            let text = yaml(&json!([word])).unwrap();
            assert!(text.contains(['"', '\'']), "{text}");
        }
    }
}
