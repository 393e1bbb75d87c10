//! What a benchmark needs of the harness: single Envoys, each a process of its
//! own, whose CPU time and memory are therefore theirs alone.
//!
//! A [`Solo`] is the server sidecar of a mesh's first cluster, in the very shape
//! that istiod gives it (STRICT mTLS, SPIFFE validation, request ids), with two
//! differences: it answers by itself, for an upstream would be measured too, and
//! it writes no access log.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::call::CallError;
use crate::connect::Way;
use crate::envoy::{self, Inbound, Material, Node, Trust};
use crate::folder::Folder;
use crate::net::{self, Claim, SERVER_ADMIN_PORT, SERVICE_PORT};
use crate::pki::{Pki, Signer, Workload};
use crate::process::Launch;
use crate::proxy::Proxy;
use crate::tls::{self, Protocol};
use crate::{ClusterSpec, Error, PeerAuthentication, tools};

/// The body of the answer that a [`Solo`] gives to who is let through.
pub const ANSWER: &str = "ok";
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

impl Stage {
    /// Room for `count` Envoys.
    pub fn new(name: &str, count: usize) -> Result<Self, Error> {
        let clusters = ClusterSpec::default_mesh();
        let folder = Folder::make(name)?;
        let pki = Pki::new(&clusters, &[])?;
        let mut bundles = Vec::new();
        for cluster in &clusters {
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

    /// Starts an Envoy with one worker and these HTTP filters before its router.
    pub fn start(&mut self, name: &str, filters: Vec<Value>) -> Result<Solo, Error> {
        let claim = self.claims.pop().ok_or(Error::NoAddresses)?;
        let (mut listeners, _) = envoy::inbound(Inbound {
            ip: claim.ip,
            material: &self.material,
            trust: &self.trust,
            peer_authentication: PeerAuthentication::Strict,
            normalize_path: true,
            filters,
            access_log: "",
        });
        answer_by_itself(&mut listeners[0]["filter_chains"][0]["filters"][0]["typed_config"]);
        let node = Node {
            cluster: &self.cluster,
            ip: claim.ip,
            kind: "sidecar",
            namespace: "shop",
            app: "orders",
            admin_port: SERVER_ADMIN_PORT,
        };
        let bootstrap = envoy::bootstrap(&node, &listeners, &[]).to_string();
        let config = self.folder.write(&format!("{name}.json"), &bootstrap)?;
        let proxy = Proxy {
            who: format!("the Envoy `{name}`"),
            launch: Launch {
                program: tools::envoy()?,
                args: arguments(&config),
                log: self.folder.path(&format!("{name}.log")),
            },
            admin: SocketAddr::new(claim.ip, SERVER_ADMIN_PORT),
            listener: SocketAddr::new(claim.ip, SERVICE_PORT),
            access_log: self.folder.path("none"),
            process: Mutex::default(),
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
        let folder = &self.folder.0;
        if std::thread::panicking() || std::env::var_os("LANDBRIDGE_KEEP").is_some() {
            eprintln!("configuration and logs are in {}", folder.display());
        } else {
            // A folder too many is no failure.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn server(cluster: &ClusterSpec) -> Workload {
    Workload::new(&cluster.name, "shop", "orders")
}

fn arguments(config: &Path) -> Vec<String> {
    let args = [
        "--config-path",
        &config.to_string_lossy(),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "warning",
    ];
    args.map(str::to_owned).to_vec()
}

fn answer_by_itself(manager: &mut Value) {
    manager["route_config"]["virtual_hosts"][0]["routes"] = json!([{
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": ANSWER}},
    }]);
    manager["access_log"] = json!([]);
}

/// A byte stream to an Envoy, over mTLS.
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

    /// A connection from a caller, for HTTP/1.1.
    pub async fn connect(&self, caller: &Workload) -> Result<impl Stream + use<>, CallError> {
        let target = self.proxy.listener;
        let failed = |error: Error| CallError::Connect(io::Error::other(error.to_string()));
        let signer = Signer::Cluster(self.cluster.name.clone());
        let root = &self.pki.authority(&signer).map_err(failed)?.root;
        let uri = self.pki.spiffe(&server(&self.cluster)).map_err(failed)?;
        let credential = self
            .pki
            .credential(&caller.clone().into())
            .map_err(failed)?;
        let config = tls::client_config(root, uri, credential.as_deref(), Protocol::Http1, false)
            .map_err(|error| CallError::Tls(error.to_string()))?;
        let way = Way {
            source: self.claim.ip,
            target,
            tls: Some(config),
            protocol: Protocol::Http1,
        };
        Ok(way.stream().await?.0)
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
