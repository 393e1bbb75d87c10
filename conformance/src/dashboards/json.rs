//! A dashboard as Grafana reads it.

use serde_json::{Value, json};

use super::{Dashboard, Look, Panel};

/// Grafana's grid has this many columns.
const COLUMNS: u32 = 24;
/// The version of the schema that these files are in: that of Grafana 11, which later ones read.
const SCHEMA: u32 = 39;

/// The file's content.
pub fn json(dashboard: &Dashboard) -> Value {
    let mut panels = Vec::new();
    let mut place = Place {
        x: 0,
        y: 0,
        line: 0,
    };
    let mut id = 0;
    let mut next = || {
        id += 1;
        id
    };
    for (heading, row) in &dashboard.rows {
        let position = place.take(COLUMNS, 1);
        panels.push(json!({
            "id": next(), "type": "row", "title": heading, "collapsed": false,
            "gridPos": position, "panels": [],
        }));
        for panel in row {
            let (width, height) = panel.look.size();
            let position = place.take(width, height);
            panels.push(one(panel, next(), &position));
        }
        place.end_line();
    }
    json!({
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["landbridge"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "annotations": {"list": []},
        "links": [{
            "type": "dashboards", "title": "Landbridge", "tags": ["landbridge"],
            "asDropdown": true, "includeVars": true, "keepTime": true,
        }],
        "templating": {"list": [
            {
                "name": "datasource", "label": "Data source", "type": "datasource",
                "query": "prometheus", "current": {}, "hide": 0, "refresh": 1,
            },
            variable("mesh_cluster", "Cluster of the proxies", "landbridge_config_info"),
            variable(
                "namespace",
                "Namespace",
                "landbridge_config_info{mesh_cluster=~\"$mesh_cluster\"}",
            ),
        ]},
        "panels": panels,
    })
}

/// A choice among the values of a label.
fn variable(name: &str, label: &str, of: &str) -> Value {
    let query = format!("label_values({of}, {name})");
    json!({
        "name": name, "label": label, "type": "query", "datasource": source(),
        "definition": query, "query": {"query": query, "refId": "variable"},
        "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]}, "hide": 0,
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Where the next panel goes.
struct Place {
    x: u32,
    y: u32,
    /// The height of the line that is being filled.
    line: u32,
}

impl Place {
    fn take(&mut self, width: u32, height: u32) -> Value {
        if self.x + width > COLUMNS {
            self.end_line();
        }
        let position = json!({"x": self.x, "y": self.y, "w": width, "h": height});
        self.x += width;
        self.line = self.line.max(height);
        position
    }

    fn end_line(&mut self) {
        self.y += self.line;
        (self.x, self.line) = (0, 0);
    }
}

impl Look {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Number(_) => (6, 4),
            Self::Lines | Self::Stack => (12, 8),
            Self::States | Self::Table => (COLUMNS, 8),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Number(_) => "stat",
            Self::Lines | Self::Stack => "timeseries",
            Self::States => "state-timeline",
            Self::Table => "table",
        }
    }
}

fn one(panel: &Panel, id: u32, position: &Value) -> Value {
    let now = matches!(panel.look, Look::Table | Look::Number(_));
    let targets: Vec<Value> = panel
        .asked()
        .zip(&panel.queries)
        .zip('A'..)
        .map(|((query, (_, legend)), reference)| {
            json!({
                "refId": reference.to_string(), "expr": query, "legendFormat": legend,
                "datasource": source(), "editorMode": "code",
                "instant": now, "range": !now,
                "format": if panel.look == Look::Table { "table" } else { "time_series" },
            })
        })
        .collect();
    let mut defaults = json!({"unit": panel.unit});
    let mut options = json!({});
    match panel.look {
        Look::Number(bad) => {
            defaults["thresholds"] = json!({"mode": "absolute", "steps": [
                {"color": "green", "value": null}, {"color": "red", "value": bad},
            ]});
            options = json!({
                "reduceOptions": {"calcs": ["lastNotNull"]},
                "colorMode": if bad.is_finite() { "value" } else { "none" },
            });
            if !bad.is_finite() {
                defaults["thresholds"]["steps"] = json!([{"color": "text", "value": null}]);
            }
        }
        Look::Lines | Look::Stack => {
            defaults["min"] = json!(0);
            let stacked = panel.look == Look::Stack;
            defaults["custom"] = json!({
                "drawStyle": "line", "lineWidth": 1, "showPoints": "never",
                "fillOpacity": if stacked { 30 } else { 5 },
                "stacking": {"mode": if stacked { "normal" } else { "none" }, "group": "A"},
            });
            options = json!({
                "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
                "tooltip": {"mode": "multi", "sort": "desc"},
            });
        }
        Look::States => {
            let state = |text: &str, color: &str| json!({"text": text, "color": color});
            defaults["mappings"] = json!([{"type": "value", "options": {
                "0": state("out", "red"), "1": state("held", "yellow"), "2": state("up", "green"),
            }}]);
            options = json!({"showValue": "never", "mergeValues": true});
        }
        Look::Table => options = json!({"showHeader": true, "cellHeight": "sm"}),
    }
    let transformations = match panel.look {
        Look::Table => json!([{"id": "organize", "options": {"excludeByName": {"Time": true}}}]),
        _ => json!([]),
    };
    json!({
        "id": id, "type": panel.look.kind(), "title": panel.title, "description": panel.about,
        "datasource": source(), "gridPos": position, "targets": targets, "options": options,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "transformations": transformations,
    })
}
