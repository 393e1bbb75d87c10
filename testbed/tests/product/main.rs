//! The whole product, as it is shipped: documents are rendered for Istio, modules come from a registry,
//! and three clusters of Envoys are configured by what was rendered, all filters in one chain.
//!
//! Both kinds of mesh: a trust domain for each cluster, and one for all, where the issuer of a
//! certificate tells clusters apart.

mod allowed;
mod attached;
mod modules;
mod region;
mod setup;
mod split;
mod telling;
mod updates;
