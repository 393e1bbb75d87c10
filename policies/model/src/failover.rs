//! `LocalityFailover`: where a request goes, and where it goes when a cluster is ill.

use crate::http_name::{CookieName, HeaderName, HostName, Method};
use crate::name::{ClusterName, Jurisdiction, Name, RegionName};
use crate::pattern::{AnyOf, Pattern, Port};
use crate::quantity::{Amount, Percent, Period};
use crate::record::document;
use crate::target::Target;
use crate::validity::Timestamp;
use crate::word::words;

document! {
    /// The spec of a `LocalityFailover`.
    pub struct Failover {
        /// Where the policy applies: at proxies through which requests leave.
        pub target: Target = default,
        /// The services whose requests it routes.
        pub services: AnyOf<Service>,
        /// By what clusters are ordered, the most important first; `zone`, `region`,
        /// `jurisdiction`, `price`, `rtt`, where it is left out. Clusters that none of it tells
        /// apart share the load.
        pub preference: Option<AnyOf<Preference>> = default,
        /// How it is learnt that a cluster is ill.
        pub health: Health = default,
        /// How load leaves a cluster that is partly ill.
        pub spill: Spill = default,
        /// How load comes back.
        pub failback: Failback = default,
        /// Where requests may go, beside what the mesh says of their data classes.
        pub residency: Option<AnyOf<Residency>> = default,
        /// How often one request may be sent on to another cluster, over all proxies that it
        /// passes; 2, where it is left out.
        pub max_hops: Option<u32> = default,
        /// Clusters that are emptied by hand, for a time.
        pub drains: Option<AnyOf<Drain>> = default,
        /// How much each proxy may send over a link.
        pub transfer_budgets: Option<AnyOf<TransferBudget>> = default,
        /// What keeps a caller on its cluster.
        pub affinity: Option<Affinity> = default,
        /// How requests that fail are tried elsewhere.
        pub retries: Retries = default,
    }

    /// A service and the clusters that it runs in.
    pub struct Service {
        /// What metrics and logs call it.
        pub name: Name,
        /// The hosts by which it is asked for, without port; the first is the one that Istio
        /// names its clusters by.
        pub hosts: AnyOf<HostName>,
        /// Its port, part of those names.
        pub port: Option<Port> = default,
        /// The clusters that it runs in.
        pub clusters: AnyOf<ClusterName>,
        /// What Envoy calls the service in one cluster, `{cluster}` standing for its name;
        /// `outbound|PORT|{cluster}|HOST`, as Istio has it, where it is left out.
        pub upstream: Option<String> = default,
    }

    /// How it is learnt that a cluster is ill.
    #[derive(Default)]
    pub struct Health {
        /// From what it answers.
        pub passive: Passive = default,
        /// By asking it.
        pub active: Option<Active> = default,
        /// From what Envoy knows of its endpoints.
        pub endpoints: Option<Endpoints> = default,
    }

    /// What is learnt from the answers to requests.
    #[derive(Default)]
    pub struct Passive {
        /// The share of errors (5xx, resets, timeouts, slow answers) that is borne; 5, where it is
        /// left out. Past it, the cluster's share is cut by the share of errors, each interval.
        pub error_share: Option<Percent> = default,
        /// How many failures in a row (502, 503, 504, resets, timeouts) take a cluster out at
        /// once; 10, where it is left out.
        pub consecutive_errors: Option<u32> = default,
        /// How many answers are needed to judge by; 20, where it is left out.
        pub min_requests: Option<u32> = default,
        /// How often the share of errors is judged; `1s`, where it is left out.
        pub interval: Option<Period> = default,
        /// Answers that are slow by this count as errors.
        pub latency: Option<Latency> = default,
        /// How long one attempt of a request that can be tried elsewhere may take; no limit,
        /// where it is left out.
        pub timeout: Option<Period> = default,
    }

    /// What a slow answer is: one that takes longer than both.
    pub struct Latency {
        /// This many times what the cluster's answers usually take.
        pub factor: u32,
        /// This, however quick they usually are; `50ms`, where it is left out.
        pub floor: Option<Period> = default,
    }

    /// Probes, sent by one worker of each proxy.
    pub struct Active {
        /// The path that is asked for; 200 to 299 is healthy.
        pub path: String,
        /// How often; `1s`, where it is left out.
        pub interval: Option<Period> = default,
        /// How long an answer may take; `500ms`, where it is left out.
        pub timeout: Option<Period> = default,
        /// How many probes in a row must fail to take a cluster out; 2, where it is left out. How
        /// many must succeed is `failback.rise`.
        pub unhealthy_threshold: Option<u32> = default,
    }

    /// The share of a cluster's endpoints that Envoy holds to be healthy, read from its own
    /// statistics.
    #[derive(Default)]
    pub struct Endpoints {
        /// The Envoy cluster that leads to the proxy's own administration interface;
        /// `prometheus_stats`, which Istio's proxies have, where it is left out.
        pub admin: Option<String> = default,
        /// How often; `2s`, where it is left out.
        pub interval: Option<Period> = default,
    }

    /// How load leaves a cluster that is partly ill: Envoy's priority load.
    #[derive(Default)]
    pub struct Spill {
        /// In percent: with 140, a cluster keeps all its load until less than 100/140 of its
        /// endpoints are healthy. 140, where it is left out.
        pub overprovisioning_factor: Option<u32> = default,
        /// Where less than this share of all that may serve is healthy, load is spread as if all
        /// of it were; 50, where it is left out. A cluster that was taken out gets none of it.
        pub panic_threshold: Option<Percent> = default,
    }

    /// How load comes back to a cluster that was taken out.
    #[derive(Default)]
    pub struct Failback {
        /// How many probes in a row must succeed; 3, where it is left out.
        pub rise: Option<u32> = default,
        /// How long it must then stay well before it gets load; `10s`, where it is left out.
        pub hold_down: Option<Period> = default,
        /// How long its share takes to grow from nothing to all; `30s`, where it is left out.
        pub ramp: Option<Period> = default,
    }

    /// Where requests may go. What several of these and the mesh say must all hold.
    pub struct Residency {
        /// The data classes that it is about; all requests, where it is left out.
        pub data_classes: Option<AnyOf<Pattern>> = default,
        /// The jurisdictions that they may go to.
        pub jurisdictions: AnyOf<Jurisdiction>,
    }

    /// Clusters that are emptied by hand. It ends by itself.
    pub struct Drain {
        /// The clusters.
        pub clusters: Option<AnyOf<ClusterName>> = default,
        /// All clusters of these regions.
        pub regions: Option<AnyOf<RegionName>> = default,
        /// From when.
        pub start: Timestamp,
        /// Until when.
        pub end: Timestamp,
        /// How long load takes to leave, and from the end on to come back; at once, where it is
        /// left out.
        pub ramp: Option<Period> = default,
        /// Why, for whoever reads it.
        pub reason: Option<String> = default,
    }

    /// How much one proxy may send and receive over a link; one of both amounts.
    pub struct TransferBudget {
        /// The region at one end.
        pub from: RegionName,
        /// The region at the other.
        pub to: RegionName,
        /// GiB an hour.
        pub gib_per_hour: Option<Amount> = default,
        /// The same, by the price of the link, in the mesh's currency.
        pub cost_per_hour: Option<Amount> = default,
    }

    /// What keeps a caller on its cluster; one of both.
    pub struct Affinity {
        /// Callers with the same value of this header go to the same cluster, for as long as
        /// shares stay what they are.
        pub header: Option<HeaderName> = default,
        /// A cookie that names the cluster that served a caller; it stays there while that is
        /// healthy, lawful and not drained.
        pub cookie: Option<CookieName> = default,
        /// How long the cookie is good; for the session, where it is left out.
        pub ttl: Option<Period> = default,
    }

    /// How requests that fail are tried on another cluster.
    #[derive(Default)]
    pub struct Retries {
        /// How many more clusters one request is tried on; 2, where it is left out, and none with
        /// 0.
        pub attempts: Option<u32> = default,
        /// Retries may be this share of the requests; 20, where it is left out.
        pub budget: Option<Percent> = default,
        /// And this many a second in any case, each worker; 10, where it is left out.
        pub min_per_second: Option<u32> = default,
        /// Methods that may be repeated; `GET`, `HEAD` and `OPTIONS`, where it is left out.
        pub methods: Option<AnyOf<Method>> = default,
        /// A request header that marks any request as one that may be repeated;
        /// `idempotency-key`, where it is left out.
        pub idempotency_header: Option<HeaderName> = default,
    }
}

words! {
    /// By what clusters are ordered.
    pub enum Preference {
        /// Those in the proxy's own zone first.
        Zone = "zone",
        /// Those in its region first.
        Region = "region",
        /// Those under its jurisdiction first.
        Jurisdiction = "jurisdiction",
        /// By the price of the link to them.
        Price = "price",
        /// By the round-trip time of the link to them.
        Rtt = "rtt",
    }
}
