//! What is shipped to see Landbridge with, held to the real tools: promtool, a Prometheus that scrapes
//! real Envoys, OpenTelemetry's collector.

mod alerts;
mod boards;
mod collector;
mod metrics;
mod prometheus;
mod promql;
mod queries;
mod rules;
mod scene;
