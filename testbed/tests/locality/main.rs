//! Locality failover in real Envoys, under load: each scenario is named after the complaint that
//! it answers.

mod region_loss;
mod setup;
