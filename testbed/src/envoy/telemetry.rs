//! Where an Envoy's access log and metrics go besides its file and its admin interface.

use serde_json::{Value, json};

/// What is pushed elsewhere, as it stands in Envoy's configuration. What an access logger or a
/// stats sink calls must be a [`service`](crate::Builder::service) of the mesh.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// An access logger of every listener.
    pub access_log: Option<Value>,
    /// A stats sink.
    pub stats_sink: Option<Value>,
    /// How often the sink is given the metrics; Envoy's own 5 s are long for a test.
    pub flush_interval: Option<String>,
}

impl Telemetry {
    pub(crate) fn shape(&self, bootstrap: &mut Value) {
        if let Some(sink) = &self.stats_sink {
            bootstrap["stats_sinks"] = json!([sink]);
        }
        if let Some(interval) = &self.flush_interval {
            bootstrap["stats_flush_interval"] = json!(interval);
        }
        if let Some(logger) = &self.access_log {
            for manager in each(
                &mut bootstrap["static_resources"]["listeners"],
                "filter_chains",
            )
            .flat_map(|chain| each(chain, "filters"))
            {
                if let Some(logs) = manager["typed_config"]["access_log"].as_array_mut() {
                    logs.push(logger.clone());
                }
            }
        }
    }
}

/// The members of this name of all in a list, or of one.
fn each<'a>(of: &'a mut Value, name: &'a str) -> impl Iterator<Item = &'a mut Value> {
    let owners: &mut [Value] = match of {
        Value::Array(all) => all,
        one => std::slice::from_mut(one),
    };
    let lists = owners
        .iter_mut()
        .filter_map(move |owner| owner.get_mut(name));
    lists.filter_map(Value::as_array_mut).flatten()
}
