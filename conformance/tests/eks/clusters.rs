//! What eksctl is given.

use crate::deploy;
use landbridge_testbed::workspace;
use serde_json::{Value, json};
use std::fs;

fn schema() -> jsonschema::Validator {
    let path = workspace().join("target/tools/eksctl.schema.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    name_by_uri(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

/// Some definitions are named after Go packages, with `|` in the name, which no reference may have.
fn name_by_uri(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, mut value) in std::mem::take(map) {
                match &mut value {
                    Value::String(to) if key == "$ref" => *to = to.replace('|', "."),
                    other => name_by_uri(other),
                }
                map.insert(key.replace('|', "."), value);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(name_by_uri),
        _ => {}
    }
}

fn configuration(cluster: &str) -> Value {
    let text = fs::read_to_string(deploy().join(format!("{cluster}.yaml"))).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

#[test]
fn configurations_are_what_eksctl_takes() {
    let schema = schema();
    for cluster in ["use1-a", "euw1-a"] {
        let found: Vec<String> = schema
            .iter_errors(&configuration(cluster))
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert_eq!(found, Vec::<String>::new(), "{cluster}");
    }
    let mut wrong = configuration("use1-a");
    wrong["vpc"]["cidrs"] = json!("10.0.0.0/16");
    assert!(!schema.is_valid(&wrong), "a field that eksctl lacks");
}

#[test]
fn what_is_joined_does_not_overlap_and_knows_the_other() {
    let (us, eu) = (configuration("use1-a"), configuration("euw1-a"));
    let block = |c: &Value| c["vpc"]["cidr"].as_str().unwrap().to_owned();
    assert_ne!(block(&us), block(&eu));
    for (this, other) in [(&us, &eu), (&eu, &us)] {
        let network = &this["addons"][0];
        assert_eq!(network["name"], "vpc-cni");
        let values = network["configurationValues"].as_str().unwrap();
        let values: Value = serde_json::from_str(values).unwrap();
        let kept = &values["env"]["AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS"];
        assert_eq!(kept, block(other).as_str());
    }
}
