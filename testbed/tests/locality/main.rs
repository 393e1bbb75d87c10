//! Locality failover in real Envoys, under load: each scenario is named after the complaint that
//! it answers.

mod brown_out;
mod comes_back;
mod cost;
mod drain;
mod flapping;
mod gradual_spill;
mod hostile;
mod known;
mod nowhere;
mod ping_pong;
mod policy_update;
mod region_loss;
mod residency;
mod retries;
mod setup;
mod telling;
mod workers;
