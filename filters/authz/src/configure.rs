//! Taking a configuration, or refusing it and saying why.

use landbridge_engine::{Digest, Kept, PolicySet, Surroundings, Unknown, load_after};
use landbridge_host::{Host, Level, MetricId, MetricKind};
use landbridge_model::{Diagnostic, Limits};
use std::cell::Cell;
use std::fmt;
use std::time::Duration;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Compiles a configuration wholly, or logs and counts what is wrong with it.
pub(crate) fn configure(host: &dyn Host, configuration: &[u8]) -> Option<PolicySet> {
    let start = host.now().ok();
    let before = KEPT.take();
    match load_after(configuration, &Limits::default(), &Node(host), &before) {
        Ok(loaded) => {
            KEPT.set(loaded.kept);
            let cost = Cost::since(start, host);
            for warning in &loaded.warnings {
                host.log(Level::Warn, &format!("landbridge authz: {warning}"));
            }
            let line = format!(
                "landbridge authz: configuration {} is in force: {} of {} policies apply here{cost}",
                loaded.digest,
                loaded.set.len(),
                loaded.policies,
            );
            host.log(Level::Info, &line);
            cost.announce(host);
            announce(host, loaded.digest);
            Some(loaded.set)
        }
        Err(diagnostics) => {
            KEPT.set(before);
            refuse(host, &diagnostics);
            None
        }
    }
}

/// What a configuration took to load, as far as the proxy can tell.
struct Cost {
    milliseconds: Option<u64>,
    /// The module's memory, which holds it.
    memory: Option<u64>,
}

impl Cost {
    fn since(start: Option<Duration>, host: &dyn Host) -> Self {
        let took = start.and_then(|start| host.now().ok()?.checked_sub(start));
        Self {
            milliseconds: took.and_then(|took| u64::try_from(took.as_millis()).ok()),
            memory: host.memory(),
        }
    }

    /// Of several workers, the last to load is the one that a gauge tells of.
    fn announce(&self, host: &dyn Host) {
        let gauges = [
            ("load_milliseconds", self.milliseconds),
            ("memory_bytes", self.memory),
        ];
        for (what, value) in gauges {
            let name = format!("landbridge.config.filter.=.authz;.{what}");
            if let Some(value) = value
                && let Ok(gauge) = host.metric(MetricKind::Gauge, &name)
            {
                // A gauge that cannot be set says nothing; the log does.
                let _ = host.set(gauge, value);
            }
        }
    }
}

/// Behind a sentence: `, loaded in 312 ms, 24.5 MiB of memory`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(milliseconds) = self.milliseconds {
            write!(f, ", loaded in {milliseconds} ms")?;
        }
        if let Some(bytes) = self.memory {
            let tenths = (bytes >> 10).saturating_mul(10) >> 10;
            write!(f, ", {}.{} MiB of memory", tenths / 10, tenths % 10)?;
        }
        Ok(())
    }
}

fn refuse(host: &dyn Host, diagnostics: &[Diagnostic]) {
    let line = format!(
        "landbridge authz: the configuration is refused, {} error(s); the last good one stays in force",
        diagnostics.len(),
    );
    host.log(Level::Error, &line);
    for diagnostic in diagnostics {
        host.log(Level::Error, &format!("landbridge authz: {diagnostic}"));
    }
    let mut counted: Vec<&str> = Vec::new();
    for code in diagnostics.iter().map(|d| d.code.as_str()) {
        if counted.contains(&code) {
            continue;
        }
        counted.push(code);
        let name = format!("landbridge.config.filter.=.authz;.code.=.{code};.rejected_total");
        if let Ok(metric) = host.metric(MetricKind::Counter, &name) {
            // What cannot be counted has been logged.
            let _ = host.add(metric, 1);
        }
    }
}

thread_local! {
    /// What the next configuration need not read again. Each update makes a new filter in the same
    /// Wasm VM.
    static KEPT: Cell<Kept> = Cell::new(Kept::default());
    /// The gauge of the configuration in force in this worker. Each update makes a new filter in
    /// the same Wasm VM; the gauge of the one before it is set back to 0.
    static IN_FORCE: Cell<Option<MetricId>> = const { Cell::new(None) };
}

fn announce(host: &dyn Host, digest: Digest) {
    let name =
        format!("landbridge.config.filter.=.authz;.digest.=.{digest};.version.=.{VERSION};.info");
    let gauge = host.metric(MetricKind::Gauge, &name).ok();
    let before = IN_FORCE.replace(gauge);
    if let Some(before) = before.filter(|before| Some(*before) != gauge) {
        // A gauge that cannot be set says nothing; the log has the digest.
        let _ = host.set(before, 0);
    }
    if let Some(gauge) = gauge {
        let _ = host.set(gauge, 1);
    }
}

/// What the proxy's node metadata says, as Istio fills it.
struct Node<'a>(&'a dyn Host);

impl Node<'_> {
    fn metadata(&self, path: &[&str]) -> Option<String> {
        let full: Vec<&str> = ["xds", "node", "metadata"]
            .iter()
            .chain(path)
            .copied()
            .collect();
        let value = self.0.property(&full).ok().flatten()?;
        String::from_utf8(value)
            .ok()
            .filter(|value| !value.is_empty())
    }
}

impl Surroundings for Node<'_> {
    fn cluster(&self) -> Option<String> {
        self.metadata(&["CLUSTER_ID"])
    }

    fn namespace(&self) -> Option<String> {
        self.metadata(&["NAMESPACE"])
    }

    fn label(&self, key: &str) -> Result<Option<String>, Unknown> {
        if let Some(value) = self.metadata(&["LABELS", key]) {
            return Ok(Some(value));
        }
        let labels = self.0.property(&["xds", "node", "metadata", "LABELS"]);
        if labels.ok().flatten().is_some() {
            Ok(None)
        } else {
            Err(Unknown)
        }
    }
}
