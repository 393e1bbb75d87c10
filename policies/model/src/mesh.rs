//! `Mesh`: which clusters there are, where they are, and what proves that a caller is in one.

use crate::condition::Condition;
use crate::dn::DistinguishedName;
use crate::name::{ClusterName, Jurisdiction, Name, NetworkName, RegionName, TrustDomain};
use crate::path_pattern::PathPattern;
use crate::pattern::{AnyOf, Pattern};
use crate::quantity::{Amount, Period};
use crate::record::document;
use crate::spiffe_path::SpiffePath;

document! {
    /// All clusters that trust one another's roots.
    pub struct Mesh {
        /// The clusters.
        pub clusters: AnyOf<Cluster>,
        /// The regions that clusters are in.
        pub regions: AnyOf<Region>,
        /// What lies between regions.
        pub links: Option<AnyOf<Link>> = default,
        /// Labels that requests get, and by what.
        pub data_classes: Option<AnyOf<DataClass>> = default,
        /// What of Istio's own configuration its policies depend on.
        pub istio: Option<IstioMesh> = default,
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

    /// What lies between two regions, the same in both directions.
    pub struct Link {
        /// The region at one end.
        pub from: RegionName,
        /// The region at the other.
        pub to: RegionName,
        /// How long a packet takes there and back.
        pub rtt: Option<Period> = default,
        /// What a GiB costs, in whatever currency the mesh counts.
        pub price_per_gib: Option<Amount> = default,
    }

    /// A label of requests, such as `personal`.
    pub struct DataClass {
        /// Its name.
        pub name: Name,
        /// Requests that have it: any of these.
        pub requests: AnyOf<Labelled>,
        /// The jurisdictions that they may go to; any, where it is left out.
        pub jurisdictions: Option<AnyOf<Jurisdiction>> = default,
    }

    /// Requests that have a label: all of what is there must match.
    pub struct Labelled {
        /// The host; any of these.
        pub hosts: Option<AnyOf<Pattern>> = default,
        /// The path; any of these.
        pub paths: Option<AnyOf<PathPattern>> = default,
        /// Headers, claims and the like; all of these.
        pub when: Option<AnyOf<Condition>> = default,
    }

    /// What of Istio's `MeshConfig` its policies depend on.
    pub struct IstioMesh {
        /// The namespace whose policies apply everywhere; `istio-system`, where it is left out.
        pub root_namespace: Option<Name> = default,
        /// The mesh's trust domain, for which `cluster.local` stands in principals.
        pub trust_domain: Option<TrustDomain> = default,
        /// Trust domains that mean the same as that one.
        pub trust_domain_aliases: Option<AnyOf<TrustDomain>> = default,
    }
}
