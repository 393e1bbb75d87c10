//! `Mesh`: which clusters there are, where they are, and what proves that a caller is in one.

use crate::dn::DistinguishedName;
use crate::name::{ClusterName, Jurisdiction, NetworkName, RegionName, TrustDomain};
use crate::pattern::AnyOf;
use crate::record::document;
use crate::spiffe_path::SpiffePath;

document! {
    /// All clusters that trust one another's roots.
    pub struct Mesh {
        /// The clusters.
        pub clusters: AnyOf<Cluster>,
        /// The regions that clusters are in.
        pub regions: AnyOf<Region>,
    }

    /// One Kubernetes cluster.
    pub struct Cluster {
        /// Its name, as policies and metrics use it.
        pub name: ClusterName,
        /// What a caller from it can prove.
        pub identity: Identity,
        /// The cloud region that it is in.
        pub region: RegionName,
        /// The zone, where it is in only one.
        pub zone: Option<RegionName> = default,
        /// The network it is on: addresses that reach each other without a gateway.
        pub network: Option<NetworkName> = default,
    }

    /// What proves that a caller is in a cluster: all of what is there. Never a header, an address or
    /// peer metadata.
    pub struct Identity {
        /// SPIFFE trust domains, one of which the caller's ID has.
        pub trust_domains: Option<AnyOf<TrustDomain>> = default,
        /// Distinguished names of certificate authorities, one of which signed the caller's
        /// certificate.
        pub issuers: Option<AnyOf<DistinguishedName>> = default,
        /// Templates of SPIFFE paths, one of which the caller's ID meets.
        pub spiffe_paths: Option<AnyOf<SpiffePath>> = default,
    }

    /// One region.
    pub struct Region {
        /// Its name, as in Envoy's `locality`.
        pub name: RegionName,
        /// The law it is under, e.g. `EU`.
        pub jurisdiction: Jurisdiction,
    }
}
