//! The rules of Prometheus that are shipped.

use std::fs;
use std::path::PathBuf;

use landbridge_testbed::workspace;
use serde_json::Value;

/// A rule, as it stands in its file.
pub struct Rule {
    /// The alert, or what is recorded.
    pub name: String,
    /// Whether it is an alert.
    pub is_alert: bool,
    /// What is asked.
    pub expr: String,
    /// All of it.
    pub whole: Value,
}

/// The folder of what Prometheus takes.
pub fn folder() -> PathBuf {
    workspace().join("deploy/observability/prometheus")
}

/// The files of rules.
pub fn files() -> Vec<PathBuf> {
    ["recording.rules.yaml", "alerts.rules.yaml"]
        .map(|name| folder().join(name))
        .to_vec()
}

/// Any YAML file of one document.
pub fn yaml(path: &std::path::Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every rule.
pub fn all() -> Vec<Rule> {
    let mut rules = Vec::new();
    for file in files() {
        for group in yaml(&file)["groups"].as_array().unwrap() {
            for rule in group["rules"].as_array().unwrap() {
                let alert = rule["alert"].as_str();
                rules.push(Rule {
                    name: alert.or(rule["record"].as_str()).unwrap().to_owned(),
                    is_alert: alert.is_some(),
                    expr: rule["expr"].as_str().unwrap().to_owned(),
                    whole: rule.clone(),
                });
            }
        }
    }
    assert!(rules.len() > 30, "{}", rules.len());
    rules
}
