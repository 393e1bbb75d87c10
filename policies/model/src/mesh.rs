//! `Mesh`: which clusters there are, where they are, and what proves that a caller is in one.

use crate::decode::Problems;
use crate::dn::DistinguishedName;
use crate::name::{ClusterName, Jurisdiction, NetworkName, RegionName, TrustDomain};
use crate::pattern::AnyOf;
use crate::spiffe_path::SpiffePath;
use deserr::Deserr;

/// All clusters that trust one another's roots.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Mesh {
    /// The clusters.
    pub clusters: AnyOf<Cluster>,
    /// The regions that clusters are in.
    pub regions: AnyOf<Region>,
}

/// One Kubernetes cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Cluster {
    /// Its name, as policies and metrics use it.
    pub name: ClusterName,
    /// What a caller from it can prove.
    pub identity: Identity,
    /// The cloud region that it is in.
    pub region: RegionName,
    /// The zone, where it is in only one.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub zone: Option<RegionName>,
    /// The network it is on: addresses that reach each other without a gateway.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub network: Option<NetworkName>,
}

/// What proves that a caller is in a cluster: all of what is there. Never a header, an address or
/// peer metadata.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Identity {
    /// SPIFFE trust domains, one of which the caller's ID has.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub trust_domains: Option<AnyOf<TrustDomain>>,
    /// Distinguished names of certificate authorities, one of which signed the caller's
    /// certificate.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub issuers: Option<AnyOf<DistinguishedName>>,
    /// Templates of SPIFFE paths, one of which the caller's ID meets.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub spiffe_paths: Option<AnyOf<SpiffePath>>,
}

/// One region.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Region {
    /// Its name, as in Envoy's `locality`.
    pub name: RegionName,
    /// The law it is under, e.g. `EU`.
    pub jurisdiction: Jurisdiction,
}
