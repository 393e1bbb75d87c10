//! From what a test wishes to files and processes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::assembly::Assembly;
use crate::cluster::ServerForm;
use crate::delivery::{self, Plan};
use crate::failover::Outward;
use crate::folder::Folder;
use crate::mesh::{Mesh, Site, Version};
use crate::pki::Pki;
use crate::runtime::Own;
use crate::upstream::Upstream;
use crate::{
    ClusterSpec, Delivery, Error, Filter, GatewayMode, PeerAuthentication, Service, Side,
    Telemetry, material, net, tools,
};

/// Says what mesh is wanted; [`start`](Self::start) makes it.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    name: String,
    clusters: Vec<ClusterSpec>,
    filters: Option<Vec<Filter>>,
    pub(crate) client_filters: Vec<Filter>,
    pub(crate) config: Option<String>,
    pub(crate) configs: HashMap<String, String>,
    pub(crate) client_config: Option<String>,
    pub(crate) peer_authentication: PeerAuthentication,
    pub(crate) normalize_path: bool,
    extra_trust_domains: Vec<String>,
    pub(crate) server_concurrency: u32,
    pub(crate) client_concurrency: u32,
    pub(crate) server_form: ServerForm,
    pub(crate) gateways: HashMap<String, GatewayMode>,
    pub(crate) outward: Outward,
    pub(crate) delivery: delivery::Wish,
    pub(crate) clients_of_any_name: bool,
    pub(crate) services: Vec<Service>,
    pub(crate) telemetry: Telemetry,
    pub(crate) hot_restarts: bool,
    clients: bool,
    wait_ready: bool,
    ready_timeout: Duration,
}

impl Builder {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            clusters: ClusterSpec::default_mesh(),
            filters: None,
            client_filters: Vec::new(),
            config: None,
            configs: HashMap::new(),
            client_config: None,
            peer_authentication: PeerAuthentication::Strict,
            normalize_path: true,
            extra_trust_domains: Vec::new(),
            server_concurrency: 2,
            client_concurrency: 1,
            server_form: ServerForm::Sidecar,
            gateways: HashMap::new(),
            outward: Outward::default(),
            delivery: delivery::Wish::default(),
            clients_of_any_name: false,
            services: Vec::new(),
            telemetry: Telemetry::default(),
            hot_restarts: false,
            clients: true,
            wait_ready: true,
            ready_timeout: Duration::from_secs(20),
        }
    }

    /// The clusters, instead of [`ClusterSpec::default_mesh`].
    pub fn clusters(mut self, clusters: impl IntoIterator<Item = ClusterSpec>) -> Self {
        self.clusters = clusters.into_iter().collect();
        self
    }

    /// The filters of every server sidecar, instead of `authz` by ECDS.
    pub fn filters(mut self, filters: impl IntoIterator<Item = Filter>) -> Self {
        self.filters = Some(filters.into_iter().collect());
        self
    }

    /// The filters of every client sidecar, instead of none.
    pub fn client_filters(mut self, filters: impl IntoIterator<Item = Filter>) -> Self {
        self.client_filters = filters.into_iter().collect();
        self
    }

    /// `pluginConfig` (JSON) for the server sidecars of all clusters.
    pub fn config(mut self, json: impl ToString) -> Self {
        self.config = Some(json.to_string());
        self
    }

    /// `pluginConfig` (JSON) for the server sidecar of one cluster.
    pub fn config_for(mut self, cluster: &str, json: impl ToString) -> Self {
        self.configs.insert(cluster.to_owned(), json.to_string());
        self
    }

    /// `pluginConfig` (JSON) for the client sidecars of all clusters.
    pub fn client_config(mut self, json: impl ToString) -> Self {
        self.client_config = Some(json.to_string());
        self
    }

    /// Whether plaintext callers are let in.
    pub fn peer_authentication(mut self, mode: PeerAuthentication) -> Self {
        self.peer_authentication = mode;
        self
    }

    /// Whether the server sidecars' Envoys normalise paths before any filter, as Istio has them do.
    pub fn normalize_path(mut self, normalize: bool) -> Self {
        self.normalize_path = normalize;
        self
    }

    /// A trust domain that every sidecar trusts though no cluster has it; its CA
    /// is [`Signer::TrustDomain`].
    pub fn extra_trust_domain(mut self, domain: &str) -> Self {
        self.extra_trust_domains.push(domain.to_owned());
        self
    }

    /// The worker threads of a server sidecar; 2 if nothing is said.
    pub fn server_concurrency(mut self, workers: u32) -> Self {
        self.server_concurrency = workers;
        self
    }

    /// The worker threads of a client sidecar; 1 if nothing is said.
    pub fn client_concurrency(mut self, workers: u32) -> Self {
        self.client_concurrency = workers;
        self
    }

    /// Has a gateway before the service of a cluster. It takes callers over mTLS, and over
    /// plaintext those without a certificate.
    pub fn gateway(mut self, cluster: &str, mode: GatewayMode) -> Self {
        self.gateways.insert(cluster.to_owned(), mode);
        self
    }

    /// Has gateways take any client whose certificate is from one of the mesh's authorities, also
    /// one without a URI.
    pub fn clients_of_any_name(mut self) -> Self {
        self.clients_of_any_name = true;
        self
    }

    /// Lets Envoys be [restarted while they run](Mesh::hot_restart).
    pub fn hot_restarts(mut self) -> Self {
        self.hot_restarts = true;
        self
    }

    /// Gives every Envoy a cluster that leads to a service beside the mesh, e.g. a
    /// [rate-limit service](crate::ratelimit), over HTTP/2 without TLS. No route leads to it.
    pub fn service(mut self, name: &str, address: SocketAddr) -> Self {
        self.services.push(Service::new(name, address));
        self
    }

    /// Where every Envoy's access log and metrics go besides.
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = telemetry;
        self
    }

    /// Has every server in the form of a waypoint (Istio's ambient mode), instead of a sidecar.
    pub fn waypoints(mut self) -> Self {
        self.server_form = ServerForm::Waypoint;
        self
    }

    /// Whether client sidecars are started; they are if nothing is said.
    pub fn clients(mut self, start: bool) -> Self {
        self.clients = start;
        self
    }

    /// With `false`, [`start`](Self::start) waits for the server sidecars'
    /// judgement on their first configuration, whatever it is, and not for
    /// their listeners.
    pub fn wait_ready(mut self, wait: bool) -> Self {
        self.wait_ready = wait;
        self
    }

    /// How long [`start`](Self::start) waits for an Envoy; 20 s if nothing is said.
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.ready_timeout = timeout;
        self
    }

    /// Starts everything and waits until it takes requests.
    pub async fn start(self) -> Result<Mesh, Error> {
        let envoy = tools::envoy()?;
        let filters = match &self.filters {
            _ if self.delivery.is_made() => Vec::new(),
            Some(filters) => filters.clone(),
            None => vec![Filter::wasm("authz")?],
        };
        let folder = Folder::make(&self.name)?;
        let pki = Pki::new(&self.clusters, &self.extra_trust_domains)?;
        let trust = material::trust(&folder, &pki, &self.clusters, &self.extra_trust_domains)?;
        let runtime = Own::start(2)?;
        let mut mesh = Mesh::new(folder.clone(), pki, self.server_form, runtime);
        for (spec, claim) in self.clusters.iter().zip(net::claim(self.clusters.len())?) {
            let runtime = mesh.runtime().clone();
            let upstream = Upstream::start(&spec.name, claim.upstream, runtime)?;
            mesh.sites.push(Site {
                spec: spec.clone(),
                ip: claim.ip,
                upstream,
                server: None,
                client: None,
                gateway: None,
                filters: Vec::new(),
                client_filters: Vec::new(),
                gateway_filters: Vec::new(),
                delivered: Vec::new(),
            });
        }
        let mut sent = Vec::new();
        for index in 0..mesh.sites.len() {
            let assembly = Assembly {
                wish: &self,
                mesh: &mesh,
                folder: &folder,
                trust: &trust,
                envoy: &envoy,
            };
            let site = &mesh.sites[index];
            let has_gateway = self.gateways.contains_key(&site.spec.name);
            if self.delivery.is_made() {
                let mut sides = vec![Side::Server];
                sides.extend(self.clients.then_some(Side::Client));
                sides.extend(has_gateway.then_some(Side::Gateway));
                let made = assembly.delivered(site, &sides).await?;
                let site = &mut mesh.sites[index];
                for (proxy, delivered, first) in made {
                    match delivered.side {
                        Side::Server => site.server = Some(proxy),
                        Side::Client => site.client = Some(proxy),
                        Side::Gateway => site.gateway = Some(proxy),
                    }
                    site.delivered.push(delivered);
                    sent.extend(first);
                }
            } else {
                let server = assembly.server(site, &filters)?;
                let client = self.clients.then(|| assembly.client(site)).transpose()?;
                let gateway = has_gateway.then(|| assembly.gateway(site)).transpose()?;
                let site = &mut mesh.sites[index];
                (site.server, site.filters) = (Some(server.0), server.1);
                if let Some((client, ecds)) = client {
                    (site.client, site.client_filters) = (Some(client), ecds);
                }
                if let Some((gateway, ecds)) = gateway {
                    (site.gateway, site.gateway_filters) = (Some(gateway), ecds);
                }
            }
            let site = &mesh.sites[index];
            // A client that checks health before its servers run takes them for ill for a while.
            let client = site.client.as_ref();
            let client = client.filter(|_| !self.outward.checks_health());
            for proxy in [&site.server, &site.gateway].into_iter().flatten() {
                proxy.start()?;
            }
            if let Some(client) = client {
                client.start()?;
            }
        }
        for site in &mesh.sites {
            if let Some(server) = &site.server {
                server.ready(self.ready_timeout, self.wait_ready).await?;
            }
        }
        if self.outward.checks_health() {
            for client in mesh.sites.iter().filter_map(|site| site.client.as_ref()) {
                client.start()?;
            }
        }
        for site in &mesh.sites {
            for proxy in [&site.client, &site.gateway].into_iter().flatten() {
                proxy.ready(self.ready_timeout, true).await?;
            }
            for (side, ecds) in site.every_filter() {
                let first = Version::first(&site.spec.name, side, ecds);
                let judged = mesh.wait_config(&first, self.ready_timeout).await?;
                if judged == Delivery::Rejected && (self.wait_ready || side != Side::Server) {
                    return Err(mesh.proxy(&site.spec.name, side)?.refused(&first.resource));
                }
            }
        }
        for one in &sent {
            let judged = mesh.wait_sent(one, self.ready_timeout).await?;
            if judged == Delivery::Rejected && (self.wait_ready || one.side != Side::Server) {
                let proxy = mesh.proxy(&one.cluster, one.side)?;
                return Err(proxy.refused(&format!("{:?}", one.what)));
            }
        }
        if self.delivery.is_made() {
            mesh.plan = Some(Plan {
                wish: self.clone(),
                folder,
                trust,
                envoy,
            });
        }
        mesh.started();
        Ok(mesh)
    }
}
