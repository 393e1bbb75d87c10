//! What a fleet can see of its configurations: which are in force, which were refused and why, and
//! what each took.

use landbridge_engine::Digest;
use landbridge_host::{Host, Level, MetricId, MetricKind};
use landbridge_model::Diagnostic;
use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

thread_local! {
    /// The gauges of the configurations in force in this worker, by plugin: all plugins of a module
    /// share its Wasm VM, such as those that shape where requests come in and where they leave.
    static IN_FORCE: RefCell<Vec<(Vec<u8>, MetricId)>> = const { RefCell::new(Vec::new()) };
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
            let name = format!("landbridge.config.filter.=.{filter};.{what}");
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
    let mut counted: Vec<&str> = Vec::new();
    for code in diagnostics.iter().map(|d| d.code.as_str()) {
        if counted.contains(&code) {
            continue;
        }
        counted.push(code);
        let name = format!("landbridge.config.filter.=.{filter};.code.=.{code};.rejected_total");
        if let Ok(metric) = host.metric(MetricKind::Counter, &name) {
            // What cannot be counted has been logged.
            let _ = host.add(metric, 1);
        }
    }
}

/// Says which configuration is in force.
fn announce(filter: &str, version: &str, host: &dyn Host, digest: Digest) {
    let name = format!(
        "landbridge.config.filter.=.{filter};.digest.=.{digest};.version.=.{version};.info"
    );
    let gauge = host.metric(MetricKind::Gauge, &name).ok();
    // An unknown plugin is one as well.
    let plugin = host.property(&["plugin_root_id"]).ok().flatten();
    if let Some(before) = replace(plugin.unwrap_or_default(), gauge) {
        // A gauge that cannot be set says nothing; the log has the digest.
        let _ = host.set(before, 0);
    }
    if let Some(gauge) = gauge {
        let _ = host.set(gauge, 1);
    }
}

/// Keeps the gauge of a plugin. Each update makes a new filter in the same VM: returns the gauge of the
/// one before it, which is to be set back to 0, unless a plugin has the same.
fn replace(plugin: Vec<u8>, gauge: Option<MetricId>) -> Option<MetricId> {
    IN_FORCE.with_borrow_mut(|kept| {
        let place = kept.iter().position(|(known, _)| *known == plugin);
        let before = place.map(|place| kept.swap_remove(place).1);
        kept.extend(gauge.map(|gauge| (plugin, gauge)));
        before.filter(|before| kept.iter().all(|(_, gauge)| gauge != before))
    })
}
