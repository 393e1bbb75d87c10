//! A mesh that is configured as Istio configures one: by the manifests of each cluster.
//!
//! Per proxy there is an istiod ([`Control`]) with its [`Agent`]; what they say is written into files
//! that Envoy watches, in the place of streams: listeners, clusters, routes, and a file for each
//! plugin. So a change of manifests comes to a running proxy by the same kinds of resources as in
//! Istio, and Envoy accepts or refuses each by itself.
//!
//! What is the testbed's own beside files: mTLS by certificates in files, endpoints written into
//! clusters, and upstreams spoken to as their callers speak.

mod assemble;
mod files;
mod mesh;
mod realise;
mod wish;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;

use crate::envoy::{RBAC, Resource, WASM};
use crate::istio::{Agent, Kind, Recipient, WasmFailure, Xds};
use crate::{Delivery, Error, Side};
pub(crate) use files::XdsFile;
pub(crate) use mesh::Plan;
pub(crate) use wish::Wish;

/// A proxy's side of the delivery.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) side: Side,
    pub(crate) recipient: Recipient,
    agent: Agent,
    folder: PathBuf,
    plugins: Mutex<BTreeMap<String, Resource>>,
    listeners: XdsFile,
    clusters: XdsFile,
    routes: Option<XdsFile>,
}

/// One resource, or set of them, that a proxy was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The cluster.
    pub cluster: String,
    /// Which of its proxies.
    pub side: Side,
    /// What it is.
    pub what: Resources,
    /// Why a plugin's module could not be had, if so: RBAC was sent in its place.
    pub failure: Option<WasmFailure>,
    pub(crate) number: u64,
}

/// What a proxy is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resources {
    /// Its listeners (LDS).
    Listeners,
    /// Its clusters (CDS).
    Clusters,
    /// The routes of the listener through which requests leave (RDS).
    Routes,
    /// A plugin (ECDS), by its resource's name.
    Plugin(String),
}

/// What is made of an [`Xds`] for one proxy, before it is written.
pub(crate) struct Content {
    pub(crate) listeners: Vec<Value>,
    pub(crate) clusters: Vec<Value>,
    pub(crate) routes: Option<Value>,
}

impl Delivered {
    pub(crate) fn new(side: Side, recipient: Recipient, folder: PathBuf) -> Result<Self, Error> {
        let file = |kind: &str| XdsFile::new(&folder.join(kind));
        Ok(Self {
            agent: Agent::new(folder.join("modules")),
            plugins: Mutex::default(),
            listeners: file("lds")?,
            clusters: file("cds")?,
            // Only where requests leave are there routes that istiod makes.
            routes: (side == Side::Client).then(|| file("rds")).transpose()?,
            side,
            recipient,
            folder,
        })
    }

    fn plugins(&self) -> MutexGuard<'_, BTreeMap<String, Resource>> {
        self.plugins.lock().expect("nobody panics with it")
    }

    /// The filters of its listener as istiod has them, without the router.
    pub(crate) fn filters(&self, xds: &Xds) -> Vec<Value> {
        let filters = match self.side {
            Side::Server => &xds.inbound,
            Side::Client | Side::Gateway => &xds.outbound,
        };
        let mut filters = filters.clone();
        filters.retain(|filter| filter["name"] != "envoy.filters.http.router");
        filters
    }

    /// Sends the plugins that the filters name; returns the filters with each plugin's file in them.
    pub(crate) async fn send_plugins(
        &self,
        xds: &Xds,
        mut filters: Vec<Value>,
    ) -> Result<(Vec<Value>, Vec<Sent>), Error> {
        let mut sent = Vec::new();
        for filter in &mut filters {
            let Some(resource) = xds.ecds.iter().find(|it| it["name"] == filter["name"]) else {
                continue;
            };
            let name = resource["name"].as_str().unwrap_or_default().to_owned();
            let converted = self.agent.convert(resource).await;
            let config = converted.resource["typed_config"].clone();
            let mut plugins = self.plugins();
            let number = match plugins.get(&name) {
                Some(known) => known.deliver(config)?,
                None => {
                    let folder = self.folder.join(format!("ecds-{}", plugins.len()));
                    plugins.insert(name.clone(), Resource::new(&name, &folder, config)?);
                    1
                }
            };
            if let Some(known) = plugins.get(&name) {
                *filter = known.filter(&[WASM, RBAC]);
            }
            sent.push(Sent {
                cluster: String::new(),
                side: self.side,
                what: Resources::Plugin(name),
                failure: converted.outcome.err(),
                number,
            });
        }
        Ok((filters, sent))
    }

    /// Sends the rest: clusters before what leads to them.
    pub(crate) fn send(&self, content: Content) -> Result<Vec<Sent>, Error> {
        let mut sent = Vec::new();
        let mut one = |what, number| {
            sent.push(Sent {
                cluster: String::new(),
                side: self.side,
                what,
                failure: None,
                number,
            });
        };
        let kind = "envoy.config.cluster.v3.Cluster";
        one(
            Resources::Clusters,
            self.clusters.write(kind, content.clusters)?,
        );
        if let (Some(file), Some(routes)) = (&self.routes, content.routes) {
            let kind = "envoy.config.route.v3.RouteConfiguration";
            one(Resources::Routes, file.write(kind, vec![routes])?);
        }
        let kind = "envoy.config.listener.v3.Listener";
        one(
            Resources::Listeners,
            self.listeners.write(kind, content.listeners)?,
        );
        Ok(sent)
    }

    /// Where Envoy gets its listeners and clusters.
    pub(crate) fn dynamic_resources(&self) -> Value {
        serde_json::json!({
            "lds_config": self.listeners.source(),
            "cds_config": self.clusters.source(),
        })
    }

    pub(crate) fn routes_source(&self) -> Option<Value> {
        self.routes.as_ref().map(XdsFile::source)
    }

    /// A new Envoy will read the newest versions only.
    pub(crate) fn restarted(&self) {
        self.plugins().values().for_each(Resource::restarted);
        let routes = self.routes.iter();
        [&self.listeners, &self.clusters]
            .into_iter()
            .chain(routes)
            .for_each(XdsFile::restarted);
    }

    /// What Envoy made of it, if its metrics tell yet.
    pub(crate) fn judged(&self, sent: &Sent, stats: &str) -> Option<Delivery> {
        let number = sent.number;
        match &sent.what {
            Resources::Plugin(name) => self.plugins().get(name)?.judged(number, stats),
            Resources::Listeners => self
                .listeners
                .judged("listener_manager.lds.", number, stats),
            Resources::Clusters => self.clusters.judged("cluster_manager.cds.", number, stats),
            // A listener's own, which begin anew with it: what is there is enough.
            Resources::Routes => Some(Delivery::Accepted),
        }
    }
}

/// Who a proxy of a cluster is to istiod.
pub(crate) fn recipient(side: Side, waypoint: bool) -> Recipient {
    const NAME: &str = "gateway.networking.k8s.io/gateway-name";
    match side {
        Side::Client => Recipient::new(Kind::Sidecar, "shop", [("app", "frontend")]),
        Side::Gateway => Recipient::new(
            Kind::Gateway,
            "istio-system",
            [("app", "gateway"), (NAME, "gateway")],
        ),
        Side::Server if waypoint => {
            let services = vec![("shop".to_owned(), "orders".to_owned())];
            let labels = [("app", "waypoint"), (NAME, "waypoint")];
            Recipient::new(Kind::Waypoint(services), "shop", labels)
        }
        Side::Server => Recipient::new(Kind::Sidecar, "shop", [("app", "orders")]),
    }
}
