//! The mesh of `testbed/compose.yaml`: the same clusters and Envoys as a [`Mesh`](crate::Mesh)'s,
//! each in a container of its own.
//!
//! Compose starts the programs; what is here writes what they read. An Envoy is told of addresses
//! and not of names, so every one that another Envoy calls is fixed by the [`Layout`], and
//! `compose.yaml` says the same ones (a test holds both together). Each region has a network; the
//! `orders` of a region are in no other, so that taking them off it is the loss of the region.

mod configure;
mod documents;
mod layout;
mod modules;
mod orders;
mod send;
mod traffic;

pub use configure::Files;
pub use documents::{Configs, read};
pub use layout::{BadSubnet, Layout};
pub use modules::{ModuleError, through};
pub use orders::orders;
pub use send::send;
pub use traffic::{Tally, traffic};
