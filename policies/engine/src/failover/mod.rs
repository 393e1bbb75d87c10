//! Where a request goes, and where it goes when a cluster is ill.
//!
//! [`load_failover`] compiles a configuration into a [`FailoverSet`]: services, the clusters that
//! each runs in and their order, what residency allows. A [`Worker`] holds what one thread of a
//! proxy knows: it routes each request ([`Worker::route`]), counts what became of it
//! ([`Worker::answered`]), and on each [`Worker::tick`] merges its counts into what all threads
//! share (a [`Store`]) and makes its routing tables anew.
//!
//! Nothing here reads a clock or a network: time comes with the tick, and probes are told to
//! whoever drives the worker. A day of weather is replayed in a second, and the simulator
//! (`cargo xtask simulate failover`) drives the very code that runs in a proxy.
//!
//! A key design decision here is that a request never waits and never asks for what is shared: it
//! reads one table, made at the last tick. What cannot wait for a tick, a cluster that fails
//! every request, the worker sees by itself.

mod counts;
mod drain;
mod leader;
mod load;
mod loads;
mod order;
mod record;
mod residency;
mod route;
mod service;
mod settings;
mod state;
mod table;
mod transfer;
mod worker;

pub use counts::Outcome;
pub use load::{LoadedFailover, load_failover};
pub use loads::{Availability, level_loads};
pub use record::{Change, Phase};
pub use residency::Lawful;
pub use route::{Asked, Choice, Refusal, Route};
pub use service::{Candidate, FailoverSet, Service, ServiceId};
pub use settings::{ActiveProbe, AffinityKey, Settings as FailoverSettings};
pub use transfer::{Direction, LinkId};
pub use worker::{Probe, Sight, Ticked, Transition, Worker};

/// What precedes every shared key: all plugins of a proxy share one space of them.
const PREFIX: &str = "landbridge.locality.";
