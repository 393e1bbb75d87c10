//! The testbed's istiod and its agent, held to what real ones do.

mod agent;
mod attach;
mod fidelity;
mod registry;
mod strict;
