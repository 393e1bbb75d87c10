//! A proxy that is configured by manifests, as one Envoy.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::realise::{self, CLUSTER_LABEL, DestinationIn, Realise};
use super::{Content, Delivered, Sent, recipient};
use crate::assembly::Assembly;
use crate::cluster::ServerForm;
use crate::istio::{Control, Endpoint, Logged, Manifests, Xds};
use crate::mesh::Site;
use crate::net::SERVICE_PORT;
use crate::proxy::Proxy;
use crate::{ClusterSpec, Error, Side};

/// Where Istio looks for what is for the whole mesh.
const ROOT: &str = "istio-system";

impl Assembly<'_> {
    /// The proxies of a cluster, and what each was sent first.
    pub(crate) async fn delivered(
        &self,
        site: &Site,
        sides: &[Side],
    ) -> Result<Vec<(Proxy, Delivered, Vec<Sent>)>, Error> {
        let manifests = self.wish.delivery.manifests.get(&site.spec.name);
        let control = self.control(manifests.map_or("", String::as_str))?;
        let mut made = Vec::new();
        for side in sides {
            let who = recipient(*side, self.wish.server_form == ServerForm::Waypoint);
            let folder = self.folder.path(&format!("{}-{side}-xds", site.spec.name));
            let delivered = Delivered::new(*side, who, folder)?;
            let sent = self.send(site, &delivered, &control).await?;
            let mut bootstrap = self.bootstrap(site, *side, &[], &[]);
            bootstrap["dynamic_resources"] = delivered.dynamic_resources();
            let labels = &mut bootstrap["node"]["metadata"]["LABELS"];
            for (key, value) in &delivered.recipient.labels {
                labels[key] = json!(value);
            }
            made.push((self.proxy(site, *side, &bootstrap)?, delivered, sent));
        }
        Ok(made)
    }

    /// The istiod of a cluster to which these manifests were applied.
    pub(crate) fn control(&self, manifests: &str) -> Result<Control, Error> {
        let manifests = Manifests::parse(manifests)?;
        let mut endpoints = Vec::new();
        for destination in self.destinations(None)? {
            let ClusterSpec {
                name,
                region,
                zone,
                network,
                ..
            } = destination.cluster;
            for (number, address) in (0..).zip(&destination.endpoints) {
                let mut labels = BTreeMap::from([("app".to_owned(), "orders".to_owned())]);
                for (key, value) in [
                    (CLUSTER_LABEL, name),
                    ("topology.istio.io/network", network),
                    ("topology.kubernetes.io/region", region),
                    ("topology.kubernetes.io/zone", zone),
                ] {
                    labels.insert(key.to_owned(), value.clone());
                }
                let own = self.wish.delivery.labels.get(&(name.clone(), number));
                labels.extend(
                    own.into_iter()
                        .flatten()
                        .map(|(k, v)| (k.clone(), v.clone())),
                );
                endpoints.push(Endpoint {
                    address: *address,
                    labels,
                    region: region.clone(),
                    zone: zone.clone(),
                });
            }
        }
        let services = vec![realise::service(endpoints)];
        Ok(Control::new(ROOT, &manifests, services)?)
    }

    /// Sends a proxy what istiod has for it, modules fetched.
    pub(crate) async fn send(
        &self,
        site: &Site,
        delivered: &Delivered,
        control: &Control,
    ) -> Result<Vec<Sent>, Error> {
        let xds = control.xds(&delivered.recipient, SERVICE_PORT);
        let filters = delivered.filters(&xds);
        let (filters, mut sent) = delivered.send_plugins(&xds, filters).await?;
        let content = self.content(site, delivered, &xds, filters)?;
        sent.extend(delivered.send(content)?);
        for one in &mut sent {
            one.cluster.clone_from(&site.spec.name);
        }
        Ok(sent)
    }

    fn content(
        &self,
        site: &Site,
        delivered: &Delivered,
        xds: &Xds,
        filters: Vec<Value>,
    ) -> Result<Content, Error> {
        let side = delivered.side;
        let (mut listeners, own) = self.parts(site, side, filters)?;
        let destinations = self.destinations(None)?;
        let destinations: Vec<_> = destinations
            .into_iter()
            .map(|one| DestinationIn {
                cluster: one.cluster.name.as_str(),
                uri: one.uri,
            })
            .collect();
        let realise = Realise {
            destinations: &destinations,
            material: &self.credentials(site, side)?,
            trust: self.trust,
        };
        let gateway_routes = match &xds.gateway_routes {
            Some(bound) => bound.clone(),
            None => realise::straight(xds),
        };
        for listener in &mut listeners {
            realise::managers(listener, |manager| {
                log(manager, &xds.logged);
                if let Some(source) = delivered.routes_source() {
                    let map = manager
                        .as_object_mut()
                        .expect("a connection manager is a map");
                    map.remove("route_config");
                    let name = SERVICE_PORT.to_string();
                    manager["rds"] = json!({"route_config_name": name, "config_source": source});
                }
                if side == Side::Gateway {
                    let routes = &mut manager["route_config"];
                    // Istio takes no header away.
                    routes["request_headers_to_remove"] = json!([]);
                    routes["virtual_hosts"][0]["routes"] = json!(gateway_routes);
                }
            });
        }
        let clusters = match side {
            // The service itself is the testbed's; what patches add is for any proxy.
            Side::Server => own.into_iter().chain(xds.added.iter().cloned()).collect(),
            Side::Client | Side::Gateway => realise.clusters(xds),
        };
        let routes = (side == Side::Client).then(|| realise::routes(xds));
        Ok(Content {
            listeners,
            clusters,
            routes,
        })
    }
}

/// Has a connection manager log what a `Telemetry` says.
fn log(manager: &mut Value, logged: &Logged) {
    match logged {
        Logged::All => {}
        Logged::None => manager["access_log"] = json!([]),
        Logged::Some(filter) => {
            let logs = manager["access_log"].as_array_mut();
            for log in logs.into_iter().flatten() {
                log["filter"] = filter.clone();
            }
        }
    }
}
