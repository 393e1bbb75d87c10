//! What a fleet can see of its configurations: which are in force, which were refused and why, and
//! what each took.

use landbridge_engine::Digest;
use landbridge_host::{Host, Level, MetricId, MetricKind};
use landbridge_model::{Code, Diagnostic};
use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

/// All filters are of one version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a later version may have brought.
const LATER: [Code; 4] = [
    Code::UnknownField,
    Code::UnknownValue,
    Code::UnknownApiVersion,
    Code::UnknownKind,
];

thread_local! {
    /// The gauges of the configurations in force in this worker, one for each plugin: Envoy runs
    /// all plugins of one module in the same Wasm VM. Each update makes a new filter there; the
    /// gauge of its plugin's one before is set back to 0.
    static IN_FORCE: RefCell<Vec<(Vec<u8>, MetricId)>> = const { RefCell::new(Vec::new()) };
}

/// Which plugin this is: what else runs in the same VM has another root ID.
pub fn plugin(host: &dyn Host) -> Vec<u8> {
    let id = host.property(&["plugin_root_id"]).ok().flatten();
    id.unwrap_or_default()
}

/// What a configuration took to load, as far as the proxy can tell.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    milliseconds: Option<u64>,
    /// The module's memory, which holds it.
    memory: Option<u64>,
}

impl Cost {
    /// What was taken since a moment.
    pub fn since(start: Option<Duration>, host: &dyn Host) -> Self {
        let took = start.and_then(|start| host.now().ok()?.checked_sub(start));
        Self {
            milliseconds: took.and_then(|took| u64::try_from(took.as_millis()).ok()),
            memory: host.memory(),
        }
    }

    /// Of several workers, the last to load is the one that a gauge tells of.
    fn announce(&self, filter: &str, host: &dyn Host) {
        let gauges = [
            ("load_milliseconds", self.milliseconds),
            ("memory_bytes", self.memory),
        ];
        for (what, value) in gauges {
            let name = format!("landbridge.config.filter=.={filter};.;{what}");
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

/// A configuration that is in force.
pub struct InForce<'a> {
    /// The filter's name and version.
    pub filter: &'a str,
    /// The same.
    pub version: &'a str,
    /// What the configuration is called.
    pub digest: Digest,
    /// What is worth knowing of it.
    pub warnings: &'a [Diagnostic],
    /// What it took to load.
    pub cost: Cost,
}

impl InForce<'_> {
    /// Says in the log and in metrics what is in force. `what` ends the sentence.
    pub fn tell(&self, host: &dyn Host, what: &str) {
        let Self {
            filter,
            version,
            digest,
            warnings,
            cost,
        } = self;
        for warning in *warnings {
            host.log(Level::Warn, &format!("landbridge {filter}: {warning}"));
        }
        let line = format!("landbridge {filter}: configuration {digest} is in force: {what}{cost}");
        host.log(Level::Info, &line);
        cost.announce(filter, host);
        announce(filter, version, host, *digest);
    }
}

/// Logs and counts what is wrong with a configuration.
pub fn refuse(filter: &str, host: &dyn Host, diagnostics: &[Diagnostic]) {
    let line = format!(
        "landbridge {filter}: the configuration is refused, {} error(s); the last good one stays in force",
        diagnostics.len(),
    );
    host.log(Level::Error, &line);
    for diagnostic in diagnostics {
        host.log(Level::Error, &format!("landbridge {filter}: {diagnostic}"));
    }
    // Documents go out from one place and modules from another: one may be ahead.
    if diagnostics.iter().any(|d| LATER.contains(&d.code)) {
        let line = format!(
            "landbridge {filter}: what is unknown here may be of a later version than {VERSION}, which this module is"
        );
        host.log(Level::Error, &line);
    }
    let mut counted: Vec<&str> = Vec::new();
    for code in diagnostics.iter().map(|d| d.code.as_str()) {
        if counted.contains(&code) {
            continue;
        }
        counted.push(code);
        let name = format!("landbridge.config.filter=.={filter};.;code=.={code};.;rejected_total");
        if let Ok(metric) = host.metric(MetricKind::Counter, &name) {
            // What cannot be counted has been logged.
            let _ = host.add(metric, 1);
        }
    }
}

/// Says which configuration is in force.
fn announce(filter: &str, version: &str, host: &dyn Host, digest: Digest) {
    let name = format!(
        "landbridge.config.filter=.={filter};.;digest=.={digest};.;version=.={version};.;info"
    );
    let Ok(gauge) = host.metric(MetricKind::Gauge, &name) else {
        // A gauge that cannot be had says nothing; the log has the digest.
        return;
    };
    let before = IN_FORCE.with_borrow_mut(|in_force| {
        let own = plugin(host);
        match in_force.iter_mut().find(|(plugin, _)| *plugin == own) {
            Some((_, before)) => Some(std::mem::replace(before, gauge)),
            None => {
                in_force.push((own, gauge));
                None
            }
        }
    });
    let still =
        |gauge: &MetricId| IN_FORCE.with_borrow(|all| all.iter().any(|(_, other)| other == gauge));
    if let Some(before) = before.filter(|before| !still(before)) {
        // A gauge that cannot be set says nothing.
        let _ = host.set(before, 0);
    }
    let _ = host.set(gauge, 1);
}
