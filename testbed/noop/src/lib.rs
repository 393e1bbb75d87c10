//! Probe.
landbridge_host::filter!(1);
