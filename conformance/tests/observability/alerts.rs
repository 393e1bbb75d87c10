//! Alerts do what their unit tests say, and each has a page that says what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use landbridge_conformance::tool;
use landbridge_testbed::workspace;

use crate::rules;

fn tests() -> Vec<std::path::PathBuf> {
    let folder = fs::read_dir(rules::folder().join("tests")).unwrap();
    folder.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn promtool_takes_the_rules_and_their_tests_hold() {
    for (command, files) in [("check", rules::files()), ("test", tests())] {
        let output = tool("promtool")
            .args([command, "rules"])
            .args(files)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "promtool {command} rules:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
    }
}

#[test]
fn every_alert_is_tested_to_fire_and_to_be_quiet() {
    let mut tested: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for file in tests() {
        for test in rules::yaml(&file)["tests"].as_array().unwrap() {
            for check in test["alert_rule_test"].as_array().unwrap() {
                let name = check["alertname"].as_str().unwrap().to_owned();
                let fires = !check["exp_alerts"].as_array().unwrap().is_empty();
                *tested.entry((name, fires)).or_default() += 1;
            }
        }
    }
    let mut alerts = 0;
    for rule in rules::all().into_iter().filter(|rule| rule.is_alert) {
        alerts += 1;
        for fires in [true, false] {
            let key = (rule.name.clone(), fires);
            assert!(tested.remove(&key).is_some(), "{key:?} is not tested");
        }
    }
    assert!(alerts > 20, "{alerts}");
    assert!(tested.is_empty(), "no alert is called so: {tested:?}");
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let folder = workspace().join("docs/runbooks");
    let mut pages: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(pages.remove("README.md"), "the list of runbooks");
    let list = fs::read_to_string(folder.join("README.md")).unwrap();
    let observability = fs::read_to_string(workspace().join("docs/observability.md")).unwrap();
    for rule in rules::all().into_iter().filter(|rule| rule.is_alert) {
        let name = &rule.name;
        let url = rule.whole["annotations"]["runbook_url"].as_str().unwrap();
        let page = url.strip_prefix("docs/runbooks/").unwrap();
        assert!(pages.remove(page), "{name} has no page {url}");
        let text = fs::read_to_string(folder.join(page)).unwrap();
        assert_eq!(text.lines().next(), Some(format!("# {name}").as_str()));
        for part in ["## What it means", "## Look", "## Do"] {
            assert!(text.contains(part), "{url} has no `{part}`");
        }
        let severity = rule.whole["labels"]["severity"].as_str().unwrap();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}"
        );
        let row = format!("| [{name}](");
        for (table, text) in [("README.md", &list), ("observability.md", &observability)] {
            let line = text.lines().find(|line| line.starts_with(&row));
            let line = line.unwrap_or_else(|| panic!("{table} has no row for {name}"));
            assert!(
                line.contains(severity),
                "{table}: {name} is {severity}: {line}"
            );
        }
    }
    assert!(pages.is_empty(), "no alert leads to {pages:?}");
}
