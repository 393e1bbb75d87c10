//! The dashboards' files.

use std::collections::BTreeSet;
use std::fs;

use landbridge_conformance::dashboards::{self, Look};
use landbridge_testbed::workspace;
use serde_json::Value;

#[test]
fn the_files_are_what_is_described() {
    let folder = workspace().join("deploy/observability/dashboards");
    let mut files: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for dashboard in dashboards::all() {
        let path = folder.join(format!("{}.json", dashboard.uid));
        let is = fs::read_to_string(&path).unwrap_or_default();
        let wished = format!("{:#}\n", dashboards::json(&dashboard));
        assert!(
            is == wished,
            "{} is not up to date: run `cargo xtask dashboards`",
            path.display()
        );
        files.remove(&path);
    }
    assert!(files.is_empty(), "nothing describes {files:?}");
}

#[test]
fn dashboards_are_such_as_grafana_takes() {
    let mut titles = BTreeSet::new();
    for dashboard in dashboards::all() {
        assert!(titles.insert(dashboard.uid) && titles.insert(dashboard.title));
        assert!(dashboard.uid.len() <= 40, "Grafana takes no longer uid");
        let board = dashboards::json(&dashboard);
        let variables: Vec<_> = board["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .collect();
        assert_eq!(variables[0]["type"], "datasource");
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            let title = format!("{}: {}", dashboard.title, panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
            let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{title}");
            for y in at("y")..at("y") + at("h") {
                for x in at("x")..at("x") + at("w") {
                    assert!(taken.insert((x, y)), "{title} lies on another");
                }
            }
            if panel["type"] != "row" {
                describes(&title, panel, &variables);
            }
        }
        for panel in dashboard.panels() {
            assert!(
                panel.look != Look::Number(f64::NAN) && !panel.about.is_empty(),
                "{}",
                panel.title
            );
        }
    }
}

fn describes(title: &str, panel: &Value, variables: &[&Value]) {
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
    let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
    let units = [
        "short",
        "none",
        "reqps",
        "percentunit",
        "Bps",
        "bytes",
        "ms",
    ];
    assert!(units.contains(&unit), "{title}: {unit}");
    let mut references = BTreeSet::new();
    let targets = panel["targets"].as_array().unwrap();
    assert!(!targets.is_empty(), "{title}");
    for target in targets {
        assert!(
            references.insert(target["refId"].as_str().unwrap()),
            "{title}"
        );
        let legend = target["legendFormat"].as_str().unwrap();
        assert!(!legend.is_empty(), "{title}");
        let query = target["expr"].as_str().unwrap();
        for variable in query.split('$').skip(1) {
            let name = variable
                .split(|c: char| !c.is_ascii_lowercase() && c != '_')
                .next();
            let known = variables.iter().any(|one| one["name"].as_str() == name)
                || name == Some("__rate_interval");
            assert!(known, "{title}: no variable `{name:?}`");
        }
        // What a line is called is told apart by labels that the answer has.
        for label in legend.split("{{").skip(1) {
            let label = label.split("}}").next().unwrap();
            assert!(
                query.contains(label) || query.starts_with("landbridge:"),
                "{title}: `{label}` in the legend"
            );
        }
    }
}
