//! What all scenarios ask.

use landbridge_testbed::{Report, Shot};

/// What failed, for an assertion's message.
pub fn failures(report: &Report) -> Vec<&Shot> {
    report.failures().collect()
}
