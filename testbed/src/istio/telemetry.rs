//! `Telemetry`: whether a proxy logs requests, and which.
//!
//! What is logged, and where, is the mesh's configuration (`envoy/mod.rs`), as in Istio; a
//! `Telemetry` says whether. Its metrics and tracing are Istio's own filters', which a stock Envoy does
//! not have: they are let pass and do nothing.

use serde_json::{Value, json};

use super::attach::Attachment;
use super::field::Field;
use super::recipient::Class;
use super::{Object, Problem, Recipient};
use crate::envoy::TYPE;

/// One `Telemetry`.
#[derive(Debug, Clone)]
pub(crate) struct Telemetry {
    attachment: Attachment,
    namespace: String,
    selects: bool,
    logging: Vec<Logging>,
}

#[derive(Debug, Clone)]
struct Logging {
    mode: Option<String>,
    disabled: bool,
    expression: Option<String>,
}

/// What of the requests is logged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Logged {
    All,
    None,
    /// Those that Envoy's `filter` lets through.
    Some(Value),
}

impl Telemetry {
    pub(crate) fn read(object: &Object) -> Result<Self, Problem> {
        let spec = Field::spec(object);
        spec.only(&[
            "selector",
            "targetRefs",
            "accessLogging",
            "metrics",
            "tracing",
        ])?;
        let one = |one: Field<'_>| {
            one.only(&["match", "providers", "disabled", "filter"])?;
            let matched = one.get("match");
            let mode = matched.as_ref().map(|it| it.maybe("mode")).transpose()?;
            let filter = one.get("filter");
            let expression = filter.as_ref().map(|it| it.require("expression")?.text());
            Ok(Logging {
                mode: mode.flatten().map(str::to_owned),
                disabled: one
                    .get("disabled")
                    .is_some_and(|it| it.value == &json!(true)),
                expression: expression.transpose()?.map(str::to_owned),
            })
        };
        Ok(Self {
            attachment: Attachment::read(object, "selector", "matchLabels")?,
            namespace: object.namespace.clone(),
            selects: spec.get("selector").is_some() || spec.get("targetRefs").is_some(),
            logging: spec
                .list("accessLogging")?
                .into_iter()
                .map(one)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// What is logged by a listener. The closest object that speaks of access logs decides: one that
/// selects the workload, else its namespace's, else the root's.
pub(crate) fn logged(all: &[Telemetry], root: &str, proxy: &Recipient, class: Class) -> Logged {
    let near = |one: &&Telemetry| {
        if one.selects {
            2
        } else if one.namespace != root {
            1
        } else {
            0
        }
    };
    let speaks = |one: &&Telemetry| !one.logging.is_empty() && one.attachment.applies(root, proxy);
    let Some(closest) = all.iter().filter(speaks).max_by_key(near) else {
        return Logged::All;
    };
    let here = |one: &&Logging| {
        let mode = one.mode.as_deref().unwrap_or("CLIENT_AND_SERVER");
        mode == "CLIENT_AND_SERVER" || mode == class.mode()
    };
    let mut logged = Logged::None;
    for one in closest.logging.iter().filter(here) {
        logged = match (&one.expression, one.disabled) {
            (_, true) => Logged::None,
            (None, false) => Logged::All,
            (Some(expression), false) => Logged::Some(json!({"extension_filter": {
                "name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": {
                    "@type": format!("{TYPE}envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"),
                    "expression": expression,
                },
            }})),
        };
    }
    logged
}
