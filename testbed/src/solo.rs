//! Single Envoys, each a process of its own: for benchmarks, since CPU time and memory are then
//! theirs alone, and for comparing two Envoys request by request.
//!
//! A [`Solo`] is the server sidecar of a mesh's first cluster, in the very shape
//! that istiod gives it (mTLS, SPIFFE validation, request ids), with two
//! differences: it answers by itself, for an upstream would be measured too, and
//! it writes no access log.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::call::CallError;
use crate::connect::Way;
use crate::envoy::{self, Inbound, Material, Node, Resource, Trust};
use crate::folder::Folder;
use crate::net::{self, Claim, OUTBOUND_PORT, Place, SERVER_ADMIN_PORT, SERVICE_PORT};
use crate::pki::{Identity, Pki, Signer, Workload};
use crate::process::Launch;
use crate::proxy::Proxy;
use crate::tls::{self, Protocol};
use crate::{ClusterSpec, Delivery, Error, PeerAuthentication, Service, tools};

/// The body of the answer that a [`Solo`] gives to who is let through.
pub const ANSWER: &str = "ok";
/// What it calls itself as its own upstream.
const ITSELF: &str = "itself";
/// How long an Envoy may take to start.
const READY: Duration = Duration::from_secs(120);

/// What single Envoys have in common: addresses, certificates, a folder.
pub struct Stage {
    folder: Folder,
    pki: Arc<Pki>,
    trust: Trust,
    material: Material,
    cluster: ClusterSpec,
    claims: Vec<Claim>,
}

/// What makes one Envoy another than the next.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The HTTP filters before its router.
    pub filters: Vec<Value>,
    /// Whether it takes plaintext beside mTLS.
    pub peer_authentication: PeerAuthentication,
    /// Whether it merges slashes, as Istio's `MERGE_SLASHES` has it do before any filter.
    pub merge_slashes: bool,
    /// What its filters can call, each under its cluster's name.
    pub services: Vec<Service>,
    /// Whether its route leads to a cluster: another listener of the same Envoy, which answers. Envoy's
    /// own `ratelimit` asks for nothing that is answered without one.
    pub routed: bool,
    /// How many workers it has.
    pub concurrency: u32,
}

impl Shape {
    /// With these filters, and otherwise as Istio makes it if nothing is said.
    pub fn new(filters: Vec<Value>) -> Self {
        Self {
            filters,
            peer_authentication: PeerAuthentication::Strict,
            merge_slashes: false,
            services: Vec::new(),
            routed: false,
            concurrency: 1,
        }
    }
}

impl Stage {
    /// Room for `count` Envoys in the default mesh.
    pub fn new(name: &str, count: usize) -> Result<Self, Error> {
        Self::of(name, count, &ClusterSpec::default_mesh())
    }

    /// Room for `count` Envoys of the first of these clusters; callers may come from all.
    pub fn of(name: &str, count: usize, clusters: &[ClusterSpec]) -> Result<Self, Error> {
        let folder = Folder::make(name)?;
        let pki = Pki::new(clusters, &[])?;
        let mut bundles = Vec::new();
        for cluster in clusters {
            let root = &pki
                .authority(&Signer::Cluster(cluster.name.clone()))?
                .root_pem;
            let domain = cluster.trust_domain.clone();
            bundles.push((
                domain.clone(),
                folder.write(&format!("{domain}.pem"), root)?,
            ));
        }
        let cluster = clusters[0].clone();
        let server = pki.credential(&server(&cluster).into())?;
        let server = server.expect("a workload has a certificate");
        let material = Material {
            chain: folder.write("cert.pem", server.chain_pem())?,
            key: folder.write("key.pem", &server.key_pem())?,
        };
        let mut claims = net::claim(count)?;
        claims.reverse();
        Ok(Self {
            folder,
            pki: Arc::new(pki),
            trust: Trust(bundles),
            material,
            cluster,
            claims,
        })
    }

    /// A filter whose configuration arrives by ECDS and may be one of `types`; begins as `config`.
    pub fn discovered(
        &self,
        name: &str,
        types: &[&str],
        config: Value,
    ) -> Result<Discovered, Error> {
        let folder = self.folder.path(&format!("ecds-{name}"));
        let resource = Resource::new(name, &folder, config)?;
        let filter = resource.filter(types);
        Ok(Discovered { resource, filter })
    }

    /// Starts an Envoy with one worker and these HTTP filters before its router.
    pub fn start(&mut self, name: &str, filters: Vec<Value>) -> Result<Solo, Error> {
        self.start_as(name, Shape::new(filters))
    }

    /// Starts an Envoy.
    pub fn start_as(&mut self, name: &str, shape: Shape) -> Result<Solo, Error> {
        let claim = self.claims.pop().ok_or(Error::NoAddresses)?;
        let (mut listeners, _) = envoy::inbound(Inbound {
            place: Place::alone(claim.ip),
            material: &self.material,
            trust: &self.trust,
            peer_authentication: shape.peer_authentication,
            normalize_path: true,
            filters: shape.filters,
            access_log: "",
            endpoints: None,
        });
        for chain in listeners[0]["filter_chains"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            let manager = &mut chain["filters"][0]["typed_config"];
            manager["merge_slashes"] = json!(shape.merge_slashes);
            if shape.routed {
                let itself = json!({"cluster": ITSELF, "timeout": "0s"});
                route_all(manager, &json!({"match": {"prefix": "/"}, "route": itself}));
            } else {
                route_all(manager, &answer());
            }
        }
        let mut clusters = Vec::new();
        if shape.routed {
            let inner = SocketAddr::new(claim.ip, OUTBOUND_PORT);
            listeners.push(answering(inner));
            clusters.push(envoy::fixed(ITSELF, inner));
        }
        let node = Node {
            cluster: &self.cluster,
            place: Place::alone(claim.ip),
            kind: "sidecar",
            namespace: "shop",
            app: "orders",
            admin_port: SERVER_ADMIN_PORT,
            services: &shape.services,
        };
        let bootstrap = envoy::bootstrap(&node, &listeners, &clusters).to_string();
        let config = self.folder.write(&format!("{name}.json"), &bootstrap)?;
        let proxy = Proxy {
            who: format!("the Envoy `{name}`"),
            launch: Launch {
                program: tools::envoy()?,
                args: arguments(&config, shape.concurrency),
                log: self.folder.path(&format!("{name}.log")),
            },
            admin: SocketAddr::new(claim.ip, SERVER_ADMIN_PORT),
            listener: SocketAddr::new(claim.ip, SERVICE_PORT),
            access_log: self.folder.path("none"),
            process: Mutex::default(),
            line: None,
        };
        proxy.start()?;
        Ok(Solo {
            proxy,
            pki: self.pki.clone(),
            cluster: self.cluster.clone(),
            claim,
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.folder.leave("configuration and logs are", false);
    }
}

fn server(cluster: &ClusterSpec) -> Workload {
    Workload::new(&cluster.name, "shop", "orders")
}

fn arguments(config: &Path, concurrency: u32) -> Vec<String> {
    let args = [
        "--config-path",
        &config.to_string_lossy(),
        "--concurrency",
        &concurrency.to_string(),
        "--log-level",
        "warning",
    ];
    args.map(str::to_owned).to_vec()
}

fn answer() -> Value {
    json!({
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": ANSWER}},
    })
}

/// A listener that answers, to whoever comes without TLS.
fn answering(at: SocketAddr) -> Value {
    let routes = json!({"virtual_hosts": [{"name": ITSELF, "domains": ["*"]}]});
    let mut manager = envoy::connection_manager(ITSELF.to_owned(), routes, Vec::new(), "");
    route_all(&mut manager, &answer());
    json!({
        "name": ITSELF,
        "address": envoy::socket_address(at.ip(), at.port()),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }]}],
    })
}

/// Has a connection manager one route, and no access log.
fn route_all(manager: &mut Value, route: &Value) {
    manager["route_config"]["virtual_hosts"][0]["routes"] = json!([route]);
    manager["access_log"] = json!([]);
}

/// A filter whose configuration arrives by ECDS.
#[derive(Debug)]
pub struct Discovered {
    resource: Resource,
    filter: Value,
}

impl Discovered {
    /// How it stands in `http_filters`.
    pub fn filter(&self) -> Value {
        self.filter.clone()
    }

    /// Replaces its configuration; returns the version it has.
    pub fn deliver(&self, config: Value) -> Result<u64, Error> {
        self.resource.deliver(config)
    }
}

/// Who connects, from where, and which server name TLS asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Who; whoever has no certificate connects without TLS.
    pub identity: Identity,
    /// From which address of the loopback network.
    pub source: IpAddr,
    /// The server name (SNI).
    pub sni: Option<String>,
}

/// A byte stream to an Envoy.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One Envoy; dropping it ends it.
pub struct Solo {
    proxy: Proxy,
    pki: Arc<Pki>,
    cluster: ClusterSpec,
    claim: Claim,
}

impl Solo {
    /// Waits until it takes requests.
    pub async fn ready(&self) -> Result<(), Error> {
        self.proxy.ready(READY, true).await
    }

    /// Starts it anew; returns how long it took until it took requests.
    pub async fn restart(&self) -> Result<Duration, Error> {
        self.proxy.kill();
        let start = Instant::now();
        self.proxy.start()?;
        self.ready().await?;
        Ok(start.elapsed())
    }

    /// Its address.
    pub fn ip(&self) -> IpAddr {
        self.claim.ip
    }

    /// A connection from a workload over mTLS, for HTTP/1.1.
    pub async fn connect(&self, caller: &Workload) -> Result<impl Stream + use<>, CallError> {
        self.connect_as(&Caller {
            identity: caller.clone().into(),
            source: self.claim.ip,
            sni: None,
        })
        .await
    }

    /// A connection from a caller, for HTTP/1.1.
    pub async fn connect_as(&self, caller: &Caller) -> Result<impl Stream + use<>, CallError> {
        let way = Way {
            source: caller.source,
            target: self.proxy.listener,
            tls: self.tls(&caller.identity)?,
            sni: caller.sni.clone(),
            protocol: Protocol::Http1,
        };
        Ok(way.stream().await?.0)
    }

    fn tls(&self, who: &Identity) -> Result<Option<Arc<ClientConfig>>, CallError> {
        let failed = |error: Error| CallError::Connect(io::Error::other(error.to_string()));
        let Some(credential) = self.pki.credential(who).map_err(failed)? else {
            return Ok(None);
        };
        let signer = Signer::Cluster(self.cluster.name.clone());
        let root = &self.pki.authority(&signer).map_err(failed)?.root;
        let uri = self.pki.spiffe(&server(&self.cluster)).map_err(failed)?;
        tls::client_config(root, uri, Some(&credential), Protocol::Http1, false)
            .map(Some)
            .map_err(|error| CallError::Tls(error.to_string()))
    }

    /// Waits until it has taken or refused a filter's version, which must be the filter's last.
    /// Its worker follows within milliseconds.
    pub async fn wait_config(
        &self,
        filter: &Discovered,
        version: u64,
        limit: Duration,
    ) -> Result<Delivery, Error> {
        let start = Instant::now();
        loop {
            let path = "/stats?filter=extension_config_discovery";
            let stats = self.admin(path).await?;
            if let Some(judged) = filter.resource.judged(version, &stats) {
                return Ok(judged);
            }
            if start.elapsed() > limit {
                return Err(Error::Waited {
                    what: format!("version {version} of `{}`", filter.resource.name),
                    waited: limit,
                });
            }
            // Who changes policies all day long waits for them all day long.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        self.proxy.last_words()
    }

    /// `GET path` at its admin interface.
    pub async fn admin(&self, path: &str) -> Result<String, Error> {
        self.proxy.ask(Method::GET, path).await
    }

    /// A file of `/proc` about its process, e.g. `stat`.
    pub fn proc(&self, file: &str) -> Result<String, Error> {
        self.proxy.proc(file)
    }

    /// The CPU time that it has used, user and system.
    pub fn cpu_time(&self) -> Result<Duration, Error> {
        self.proxy.cpu_time()
    }
}
