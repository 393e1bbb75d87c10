//! From what a test wishes to files and processes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::envoy::{self, Destination, Ecds, Inbound, Material, Node, Trust};
use crate::folder::Folder;
use crate::mesh::{Mesh, Site, Version};
use crate::net::{self, CLIENT_ADMIN_PORT, OUTBOUND_PORT, SERVER_ADMIN_PORT, SERVICE_PORT};
use crate::pki::{Pki, Signer, Workload};
use crate::process::Launch;
use crate::proxy::Proxy;
use crate::upstream::Upstream;
use crate::{ClusterSpec, Delivery, Error, Filter, PeerAuthentication, Side, tools};

/// Says what mesh is wanted; [`start`](Self::start) makes it.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    name: String,
    clusters: Vec<ClusterSpec>,
    filters: Option<Vec<Filter>>,
    client_filters: Vec<Filter>,
    config: Option<String>,
    configs: HashMap<String, String>,
    client_config: Option<String>,
    peer_authentication: PeerAuthentication,
    normalize_path: bool,
    extra_trust_domains: Vec<String>,
    server_concurrency: u32,
    client_concurrency: u32,
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
            Some(filters) => filters.clone(),
            None => vec![Filter::wasm("authz")?],
        };
        let folder = Folder::make(&self.name)?;
        let pki = Pki::new(&self.clusters, &self.extra_trust_domains)?;
        let trust = self.write_bundles(&folder, &pki)?;
        // A runtime of its own: a test that blocks does not stop the upstreams.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("landbridge-testbed")
            .enable_all()
            .build()
            .map_err(Error::io("make a runtime"))?;
        let mut mesh = Mesh::new(folder.0.clone(), pki, runtime);
        for (spec, claim) in self.clusters.iter().zip(net::claim(self.clusters.len())?) {
            let runtime = mesh.runtime().clone();
            let upstream = Upstream::start(&spec.name, claim.upstream, runtime)?;
            mesh.sites.push(Site {
                spec: spec.clone(),
                ip: claim.ip,
                upstream,
                server: None,
                client: None,
                filters: Vec::new(),
                client_filters: Vec::new(),
            });
        }
        for index in 0..mesh.sites.len() {
            let (server, ecds) = self.server(&mesh, index, &folder, &trust, &filters, &envoy)?;
            server.start()?;
            mesh.sites[index].server = Some(server);
            mesh.sites[index].filters = ecds;
            if self.clients {
                let (client, ecds) = self.client(&mesh, index, &folder, &trust, &envoy)?;
                client.start()?;
                mesh.sites[index].client = Some(client);
                mesh.sites[index].client_filters = ecds;
            }
        }
        for site in &mesh.sites {
            if let Some(server) = &site.server {
                server.ready(self.ready_timeout, self.wait_ready).await?;
            }
            if let Some(client) = &site.client {
                client.ready(self.ready_timeout, true).await?;
            }
            for (side, ecds) in site.every_filter() {
                let first = Version::first(&site.spec.name, side, ecds);
                let judged = mesh.wait_config(&first, self.ready_timeout).await?;
                if judged == Delivery::Rejected && (self.wait_ready || side == Side::Client) {
                    return Err(mesh.proxy(&site.spec.name, side)?.refused(&first.resource));
                }
            }
        }
        mesh.started();
        Ok(mesh)
    }

    /// One bundle per trust domain; clusters that share one share it.
    fn write_bundles(&self, folder: &Folder, pki: &Pki) -> Result<Trust, Error> {
        let mut bundles: Vec<(String, String)> = Vec::new();
        let clusters = self.clusters.iter().map(|cluster| {
            (
                cluster.trust_domain.clone(),
                Signer::Cluster(cluster.name.clone()),
            )
        });
        let extra = self
            .extra_trust_domains
            .iter()
            .map(|domain| (domain.clone(), Signer::TrustDomain(domain.clone())));
        for (domain, signer) in clusters.chain(extra) {
            let root = &pki.authority(&signer)?.root_pem;
            match bundles.iter_mut().find(|(known, _)| *known == domain) {
                Some((_, bundle)) => bundle.push_str(root),
                None => bundles.push((domain, root.clone())),
            }
        }
        let written = bundles.into_iter().map(|(domain, bundle)| {
            let path = folder.write(&format!("{domain}.pem"), &bundle)?;
            Ok((domain, path))
        });
        Ok(Trust(written.collect::<Result<_, Error>>()?))
    }

    fn server(
        &self,
        mesh: &Mesh,
        index: usize,
        folder: &Folder,
        trust: &Trust,
        filters: &[Filter],
        envoy: &Path,
    ) -> Result<(Proxy, Vec<Ecds>), Error> {
        let Site { spec, ip, .. } = &mesh.sites[index];
        let name = format!("{}-server", spec.name);
        let config = self.configs.get(&spec.name).or(self.config.as_ref());
        let ecds = folder.path(&format!("{name}-ecds"));
        let (inline, ecds) = envoy::http_filters(filters, &ecds, config.map(String::as_str))?;
        let material = credentials(
            mesh,
            folder,
            &name,
            &Workload::new(&spec.name, "shop", "orders"),
        )?;
        let access_log = folder.path(&format!("{name}-access.log"));
        let (listener, service) = envoy::inbound(Inbound {
            ip: *ip,
            material: &material,
            trust,
            peer_authentication: self.peer_authentication,
            normalize_path: self.normalize_path,
            filters: inline,
            access_log: &access_log.to_string_lossy(),
        });
        let node = Node {
            cluster: spec,
            ip: *ip,
            app: "orders",
            admin_port: SERVER_ADMIN_PORT,
        };
        let proxy = Proxy {
            who: format!("the server sidecar of `{}`", spec.name),
            launch: launch(
                folder,
                &name,
                &envoy::bootstrap(&node, &[listener], &[service]),
                self.server_concurrency,
                envoy,
            )?,
            admin: SocketAddr::new(*ip, SERVER_ADMIN_PORT),
            listener: SocketAddr::new(*ip, SERVICE_PORT),
            access_log,
            process: Mutex::default(),
        };
        Ok((proxy, ecds))
    }

    fn client(
        &self,
        mesh: &Mesh,
        index: usize,
        folder: &Folder,
        trust: &Trust,
        envoy: &Path,
    ) -> Result<(Proxy, Vec<Ecds>), Error> {
        let Site { spec, ip, .. } = &mesh.sites[index];
        let name = format!("{}-client", spec.name);
        let ecds = folder.path(&format!("{name}-ecds"));
        let (inline, ecds) =
            envoy::http_filters(&self.client_filters, &ecds, self.client_config.as_deref())?;
        let material = credentials(
            mesh,
            folder,
            &name,
            &Workload::new(&spec.name, "shop", "frontend"),
        )?;
        let access_log = folder.path(&format!("{name}-access.log"));
        let mut destinations = Vec::new();
        for site in &mesh.sites {
            destinations.push(Destination {
                cluster: &site.spec,
                ip: site.ip,
                uri: mesh
                    .pki()
                    .spiffe(&Workload::new(&site.spec.name, "shop", "orders"))?,
            });
        }
        let (listener, clusters) = envoy::outbound(
            *ip,
            &material,
            trust,
            &destinations,
            inline,
            &access_log.to_string_lossy(),
        );
        let node = Node {
            cluster: spec,
            ip: *ip,
            app: "frontend",
            admin_port: CLIENT_ADMIN_PORT,
        };
        let proxy = Proxy {
            who: format!("the client sidecar of `{}`", spec.name),
            launch: launch(
                folder,
                &name,
                &envoy::bootstrap(&node, &[listener], &clusters),
                self.client_concurrency,
                envoy,
            )?,
            admin: SocketAddr::new(*ip, CLIENT_ADMIN_PORT),
            listener: SocketAddr::new(*ip, OUTBOUND_PORT),
            access_log,
            process: Mutex::default(),
        };
        Ok((proxy, ecds))
    }
}

/// Writes a workload's certificate and key.
fn credentials(
    mesh: &Mesh,
    folder: &Folder,
    name: &str,
    who: &Workload,
) -> Result<Material, Error> {
    let credential = mesh.pki().credential(&who.clone().into())?;
    let credential = credential.expect("a workload has a certificate");
    Ok(Material {
        chain: folder.write(&format!("{name}-cert.pem"), credential.chain_pem())?,
        key: folder.write(&format!("{name}-key.pem"), &credential.key_pem())?,
    })
}

fn launch(
    folder: &Folder,
    name: &str,
    bootstrap: &Value,
    concurrency: u32,
    envoy: &Path,
) -> Result<Launch, Error> {
    let config = folder.write(&format!("{name}.json"), &format!("{bootstrap:#}"))?;
    let args = [
        "--config-path",
        &config.to_string_lossy(),
        "--concurrency",
        &concurrency.to_string(),
        "--disable-hot-restart",
        "--file-flush-interval-msec",
        "50",
        "--log-level",
        "info",
    ];
    Ok(Launch {
        program: envoy.to_owned(),
        args: args.map(str::to_owned).to_vec(),
        log: folder.path(&format!("{name}.log")),
    })
}
