//! How much may come, what goes first, and where a share of it goes.
//!
//! [`load_shaping`] compiles a configuration into a [`ShapingSet`]; a [`Worker`] holds what one
//! thread of a proxy knows: it says what becomes of each request ([`Worker::begin`]), is told how it
//! ended ([`Worker::done`]), and on each [`Worker::tick`] settles with the other threads, by a
//! [`Store`](crate::Store).
//!
//! Nothing here reads a clock or a network: time is a parameter, and what is asked of a rate-limit
//! service is told to whoever drives the worker. A minute of traffic is replayed in milliseconds.
//!
//! A key design decision here is that no request waits: what it needs of a count that others share
//! was leased before, or is had from the proxy's own memory at once. A limit is exact all the same,
//! because what is leased is never more than the limit leaves.

pub mod concurrency;
mod counter;
mod counts;
pub mod deadline;
pub mod fault;
mod global;
mod limits;
mod load;
mod ramp;
mod recent;
mod request;
pub mod retries;
mod selection;
mod set;
pub mod split;
#[cfg(test)]
mod split_laws;
mod told;
mod way;
mod worker;

pub use concurrency::{Carried, Ended};
pub use counter::{AskedOf, CallRef};
pub use counts::{Count, Outcome};
pub use fault::Abortion;
pub use limits::{Allowance, Nanos};
pub use load::{LoadedShaping, load_shaping};
pub use request::{Asked, Begun, End, Header, Now, Pass, Refusal, Run, Shadowed, Told};
pub use set::{Item, ItemId, Service, ShapingSet, What};
pub use worker::Worker;
