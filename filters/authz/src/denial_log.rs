//! Denials in the proxy's log: each worker writes so many a second and counts the rest.

use landbridge_host::{Host, Level};
use std::cell::Cell;

/// How much of a path is quoted.
const LONGEST_QUOTE: usize = 256;

/// A worker's window of one second.
pub(crate) struct DenialLog {
    per_second: u32,
    second: Cell<u64>,
    written: Cell<u32>,
    passed_over: Cell<u64>,
}

/// What a line says.
pub(crate) struct Denial<'a> {
    pub(crate) json: &'a str,
    pub(crate) detail: Option<&'a str>,
    pub(crate) principal: Option<&'a str>,
    pub(crate) method: Option<&'a [u8]>,
    pub(crate) path: Option<&'a [u8]>,
}

impl DenialLog {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            second: Cell::new(0),
            written: Cell::new(0),
            passed_over: Cell::new(0),
        }
    }

    /// Logs a denial, or counts it where this second's lines are written.
    pub(crate) fn log(&self, host: &dyn Host, denial: &Denial<'_>) {
        let second = host.now().map_or(0, |now| now.as_secs());
        if second != self.second.get() {
            self.second.set(second);
            self.written.set(0);
        }
        if self.written.get() >= self.per_second {
            self.passed_over
                .set(self.passed_over.get().saturating_add(1));
            return;
        }
        self.written.set(self.written.get().saturating_add(1));
        let mut line = format!("landbridge authz: {}", denial.json);
        let quoted = [
            ("detail", denial.detail.map(str::as_bytes)),
            ("principal", denial.principal.map(str::as_bytes)),
            ("method", denial.method),
            ("path", denial.path),
        ];
        for (key, value) in quoted {
            if let Some(value) = value {
                let short = value.get(..LONGEST_QUOTE).unwrap_or(value);
                // Quoted and escaped: what a caller sends cannot start a line of its own.
                line.push_str(&format!(" {key}={:?}", String::from_utf8_lossy(short)));
            }
        }
        let passed_over = self.passed_over.take();
        if passed_over > 0 {
            line.push_str(&format!(" passed_over={passed_over}"));
        }
        host.log(Level::Warn, &line);
    }
}
