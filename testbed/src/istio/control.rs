//! istiod: from manifests to the configuration of each proxy.

use serde_json::{Value, json};

use super::chain::chain;
use super::cluster::{self, Cluster, Destination};
use super::extension::{self, Extension};
use super::patch::{self, Patch};
use super::recipient::{Class, Kind, Recipient};
use super::route::{Virtual, virtual_host};
use super::service::ServiceEntry;
use super::telemetry::{Logged, Telemetry, logged};
use super::{Manifests, Problem};
use crate::envoy::TYPE;

/// istiod with the manifests of one cluster and the services of its mesh.
#[derive(Debug, Clone)]
pub struct Control {
    root: String,
    services: Vec<ServiceEntry>,
    extensions: Vec<Extension>,
    patches: Vec<Patch>,
    destinations: Vec<Destination>,
    virtuals: Vec<Virtual>,
    telemetries: Vec<Telemetry>,
    secrets: Vec<(String, String, String)>,
}

/// What a proxy is sent. Where a real istiod says `ads`, so does this.
#[derive(Debug, Clone)]
pub struct Xds {
    /// The HTTP filters of the listener that takes requests in; none for a gateway.
    pub inbound: Vec<Value>,
    /// The HTTP filters of the listener through which requests leave; none for a waypoint.
    pub outbound: Vec<Value>,
    /// The ECDS resources that those filters name.
    pub ecds: Vec<Value>,
    /// The virtual hosts of the services, without one for what is no service.
    pub virtual_hosts: Vec<Value>,
    /// The routes of a gateway, if a `VirtualService` is bound to it.
    pub gateway_routes: Option<Vec<Value>>,
    /// The clusters of the services, and those that patches add.
    pub clusters: Vec<Value>,
    pub(crate) services: Vec<Cluster>,
    pub(crate) added: Vec<Value>,
    pub(crate) logged: Logged,
}

/// Kinds that the testbed answers by what it is: its services, its mTLS.
const GIVEN: [&str; 4] = [
    "ServiceEntry",
    "WorkloadEntry",
    "Sidecar",
    "PeerAuthentication",
];

impl Control {
    /// Reads the manifests of a cluster.
    pub fn new(
        root: &str,
        manifests: &Manifests,
        services: Vec<ServiceEntry>,
    ) -> Result<Self, Problem> {
        let mut control = Self {
            root: root.to_owned(),
            services,
            extensions: Vec::new(),
            patches: Vec::new(),
            destinations: Vec::new(),
            virtuals: Vec::new(),
            telemetries: Vec::new(),
            secrets: Vec::new(),
        };
        // istiod sorts by age, which a manifest does not say; of one age, by name.
        let mut objects: Vec<_> = manifests.all().iter().collect();
        objects.sort_by_key(|object| (&object.name, &object.namespace));
        for object in objects {
            match (object.group.as_str(), object.kind.as_str()) {
                _ if Extension::is(object) => control.extensions.push(Extension::read(object)?),
                ("networking.istio.io", "EnvoyFilter") => {
                    control.patches.extend(patch::read(object)?);
                }
                ("networking.istio.io", "DestinationRule") => {
                    control.destinations.push(Destination::read(object)?);
                }
                ("networking.istio.io", "VirtualService") => {
                    control.virtuals.push(Virtual::read(object)?);
                }
                ("telemetry.istio.io", "Telemetry") => {
                    control.telemetries.push(Telemetry::read(object)?);
                }
                ("", "Secret") => {
                    let content = extension::secret(object).into_iter();
                    control.secrets.extend(
                        content.map(|content| {
                            (object.namespace.clone(), object.name.clone(), content)
                        }),
                    );
                }
                (_, kind) if GIVEN.contains(&kind) => {}
                (group, kind) if group.ends_with("istio.io") => {
                    let why = format!("the testbed does not know what Istio makes of a `{kind}`");
                    return Err(Problem::new(object, "kind", why));
                }
                // Istio does not look at other kinds either.
                _ => {}
            }
        }
        // Patches of the root namespace come first; a lower priority before a higher.
        control.patches.sort_by_key(|patch| patch.priority);
        control.unambiguous()?;
        Ok(control)
    }

    /// Of two objects for one host, Istio takes the older one, or merges them: manifests do not say
    /// which is older.
    fn unambiguous(&self) -> Result<(), Problem> {
        let mut routed: Vec<(&str, &str)> = Vec::new();
        for by in self
            .virtuals
            .iter()
            .filter(|by| by.gateways.iter().any(|it| it == "mesh"))
        {
            for host in &by.hosts {
                if let Some((_, other)) = routed.iter().find(|(known, _)| known == host) {
                    let why = format!("`{host}` has routes in {other} too");
                    return Err(Problem::new(&by.what, "spec.hosts", why));
                }
                routed.push((host, &by.what));
            }
        }
        for (index, rule) in self.destinations.iter().enumerate() {
            if self
                .destinations
                .iter()
                .take(index)
                .any(|other| other.host == rule.host)
            {
                let why = format!("there is another rule for `{}`", rule.host);
                return Err(Problem::new("a DestinationRule", "spec.host", why));
            }
        }
        Ok(())
    }

    /// What a proxy is sent, whose listeners have this port.
    pub fn xds(&self, proxy: &Recipient, port: u16) -> Xds {
        let root = self.root.as_str();
        let (inbound, outbound) = match proxy.kind {
            Kind::Sidecar => (Some(Class::Inbound), Some(Class::Outbound)),
            Kind::Gateway => (None, Some(Class::Gateway)),
            Kind::Waypoint(_) => (Some(Class::Waypoint), None),
        };
        let classes: Vec<Class> = inbound.into_iter().chain(outbound).collect();
        let filters = |class: Option<Class>| {
            class.map_or_else(Vec::new, |class| self.filters(proxy, class, port))
        };
        let (inbound, outbound_filters) = (filters(inbound), filters(outbound));
        let named = |extension: &&Extension| {
            let mut all = inbound.iter().chain(&outbound_filters);
            all.any(|filter| filter["name"] == extension.resource.as_str())
        };
        let secret = |namespace: &str, name: &str| {
            let mut all = self.secrets.iter();
            let found = all.find(|(of, known, _)| of == namespace && known == name);
            found.map(|(_, _, content)| content.clone())
        };
        let ecds = self.extensions.iter().filter(named);
        let ecds = ecds.map(|extension| extension.ecds(secret)).collect();
        let clusters = |service: &ServiceEntry| {
            let rule = self
                .destinations
                .iter()
                .find(|rule| rule.host == service.host);
            cluster::clusters(service, rule)
        };
        let services: Vec<_> = self.services.iter().flat_map(clusters).collect();
        let added = patch::clusters(self.patches.iter(), root, proxy, &classes);
        let logs_of = outbound
            .or(classes.first().copied())
            .unwrap_or(Class::Outbound);
        Xds {
            ecds,
            virtual_hosts: self.virtual_hosts(proxy),
            gateway_routes: self.gateway_routes(proxy),
            clusters: services
                .iter()
                .map(|it| it.json.clone())
                .chain(added.clone())
                .collect(),
            services,
            added,
            logged: logged(&self.telemetries, root, proxy, logs_of),
            inbound,
            outbound: outbound_filters,
        }
    }

    fn filters(&self, proxy: &Recipient, class: Class, port: u16) -> Vec<Value> {
        let root = self.root.as_str();
        let applies = |one: &&Extension| one.applies(root, proxy, class, port);
        let extensions: Vec<_> = self.extensions.iter().filter(applies).collect();
        let mut filters = chain(class, &extensions);
        patch::filters(
            self.patches.iter(),
            (root, proxy),
            (class, port),
            &mut filters,
        );
        filters
    }

    fn virtual_hosts(&self, proxy: &Recipient) -> Vec<Value> {
        let host = |service: &ServiceEntry| {
            let by = self.virtuals.iter().find(|by| {
                by.gateways.iter().any(|it| it == "mesh") && by.hosts.contains(&service.host)
            });
            virtual_host(service, by, &proxy.namespace)
        };
        self.services.iter().map(host).collect()
    }

    fn gateway_routes(&self, proxy: &Recipient) -> Option<Vec<Value>> {
        let name = format!("{}/{}", proxy.namespace, proxy.gateway()?);
        let bound = self
            .virtuals
            .iter()
            .find(|by| by.gateways.contains(&name))?;
        let service = self.services.first()?;
        Some(bound.routes(service))
    }
}

impl Xds {
    /// The configuration of the routes of a port, as a sidecar is sent it.
    pub fn route_configuration(&self, port: u16, otherwise: Value) -> Value {
        let mut hosts = self.virtual_hosts.clone();
        hosts.push(otherwise);
        json!({
            "@type": format!("{TYPE}envoy.config.route.v3.RouteConfiguration"),
            "name": port.to_string(),
            "virtual_hosts": hosts,
            "validate_clusters": false,
            "max_direct_response_body_size_bytes": 1_048_576,
            "ignore_port_in_host_matching": true,
        })
    }
}
