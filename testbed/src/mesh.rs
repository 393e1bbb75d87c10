//! A mesh that runs: what a test does to it.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;

use crate::call::{Call, CallError, Reply, Transport};
use crate::cluster::ServerForm;
use crate::connect::{Way, failure};
use crate::delivery::{Delivered, Plan};
use crate::envoy::Ecds;
use crate::folder::Folder;
use crate::load::Load;
use crate::net::{GATEWAY_PORT, OUTBOUND_PORT, SERVICE_PORT};
use crate::pki::{Identity, Pki, Signer, Workload};
use crate::proxy::Proxy;
use crate::runtime::Own;
use crate::tls::{self, Protocol};
use crate::upstream::Upstream;
use crate::{Builder, ClusterSpec, Error, Side};

/// A mesh of real Envoys; dropping it ends them.
pub struct Mesh {
    pub(crate) sites: Vec<Site>,
    folder: Folder,
    pki: Pki,
    server_form: ServerForm,
    runtime: Own,
    /// How its proxies were made, where manifests configure them.
    pub(crate) plan: Option<Plan>,
    started: bool,
}

/// What runs in one cluster.
pub(crate) struct Site {
    pub(crate) spec: ClusterSpec,
    pub(crate) ip: IpAddr,
    pub(crate) upstream: Upstream,
    pub(crate) server: Option<Proxy>,
    pub(crate) client: Option<Proxy>,
    pub(crate) gateway: Option<Proxy>,
    pub(crate) filters: Vec<Ecds>,
    pub(crate) client_filters: Vec<Ecds>,
    pub(crate) gateway_filters: Vec<Ecds>,
    /// What its proxies are sent, where manifests configure them.
    pub(crate) delivered: Vec<Delivered>,
}

impl Site {
    pub(crate) fn filters(&self, side: Side) -> &[Ecds] {
        match side {
            Side::Server => &self.filters,
            Side::Client => &self.client_filters,
            Side::Gateway => &self.gateway_filters,
        }
    }

    pub(crate) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        [&self.server, &self.client, &self.gateway]
            .into_iter()
            .flatten()
    }

    pub(crate) fn every_filter(&self) -> impl Iterator<Item = (Side, &Ecds)> {
        [Side::Server, Side::Client, Side::Gateway]
            .into_iter()
            .flat_map(|side| self.filters(side).iter().map(move |ecds| (side, ecds)))
    }
}

impl Mesh {
    /// Begins a mesh; `name`, usually the test's, is that of its folder.
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    pub(crate) fn new(folder: Folder, pki: Pki, server_form: ServerForm, runtime: Own) -> Self {
        Self {
            sites: Vec::new(),
            folder,
            pki,
            server_form,
            runtime,
            plan: None,
            started: false,
        }
    }

    pub(crate) fn started(&mut self) {
        self.started = true;
    }

    pub(crate) fn runtime(&self) -> &Handle {
        self.runtime.handle()
    }

    pub(crate) fn pki(&self) -> &Pki {
        &self.pki
    }

    /// The folder with its configuration, certificates and logs.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// The names of its clusters.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        self.sites.iter().map(|site| site.spec.name.as_str())
    }

    /// A cluster's address.
    pub fn ip(&self, cluster: &str) -> Result<IpAddr, Error> {
        Ok(self.site(cluster)?.ip)
    }

    /// A workload's SPIFFE id.
    pub fn spiffe(&self, workload: &Workload) -> Result<String, Error> {
        self.pki.spiffe(workload)
    }

    /// A cluster's echo service.
    ///
    /// # Panics
    ///
    /// If there is no such cluster.
    pub fn upstream(&self, cluster: &str) -> &Upstream {
        match self.site(cluster) {
            Ok(site) => &site.upstream,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn site(&self, cluster: &str) -> Result<&Site, Error> {
        self.sites
            .iter()
            .find(|site| site.spec.name == cluster)
            .ok_or_else(|| Error::UnknownCluster(cluster.to_owned()))
    }

    pub(crate) fn proxy(&self, cluster: &str, side: Side) -> Result<&Proxy, Error> {
        let site = self.site(cluster)?;
        let proxy = match side {
            Side::Server => &site.server,
            Side::Client => &site.client,
            Side::Gateway => &site.gateway,
        };
        proxy
            .as_ref()
            .ok_or_else(|| Error::NotStarted(side.of(cluster)))
    }

    /// The first ECDS filter whose resource name contains `filter`.
    pub(crate) fn ecds(&self, cluster: &str, side: Side, filter: &str) -> Result<&Ecds, Error> {
        let mut filters = self.site(cluster)?.filters(side).iter();
        filters
            .find(|ecds| ecds.wasm.resource.contains(filter))
            .ok_or_else(|| Error::UnknownFilter {
                cluster: cluster.to_owned(),
                filter: filter.to_owned(),
            })
    }

    /// Delivers a new `pluginConfig` (JSON) to the first ECDS filter of a
    /// cluster's server sidecar. It returns when the file is in place; Envoy
    /// takes it a moment later, if it takes it: see
    /// [`wait_config`](Self::wait_config).
    pub fn apply(&self, cluster: &str, json: impl ToString) -> Result<Version, Error> {
        self.apply_to(cluster, Side::Server, "", json)
    }

    /// Delivers a new `pluginConfig` to every cluster's server sidecar.
    pub fn apply_all(&self, json: impl ToString) -> Result<Vec<Version>, Error> {
        let json = json.to_string();
        self.sites
            .iter()
            .map(|site| self.apply(&site.spec.name, &json))
            .collect()
    }

    /// Delivers a new `pluginConfig` to the first ECDS filter, on any side,
    /// whose resource name contains `filter`.
    pub fn apply_to(
        &self,
        cluster: &str,
        side: Side,
        filter: &str,
        json: impl ToString,
    ) -> Result<Version, Error> {
        let ecds = self.ecds(cluster, side, filter)?;
        let number = ecds.deliver(&json.to_string())?;
        let resource = ecds.wasm.resource.clone();
        Ok(Version {
            cluster: cluster.to_owned(),
            side,
            resource,
            number,
        })
    }

    /// Delivers another module, with its `pluginConfig`, to the first ECDS filter of a cluster's
    /// server sidecar: an upgrade, or a way back.
    pub fn apply_module(
        &self,
        cluster: &str,
        module: &Path,
        json: impl ToString,
    ) -> Result<Version, Error> {
        let ecds = self.ecds(cluster, Side::Server, "")?;
        let number = ecds.deliver_module(module, &json.to_string())?;
        Ok(Version {
            cluster: cluster.to_owned(),
            side: Side::Server,
            resource: ecds.wasm.resource.clone(),
            number,
        })
    }

    /// Makes a call and waits for the whole answer, each call on a connection of its own.
    pub async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let way = self.way(&call)?;
        let request = call.request(0)?;
        let start = Instant::now();
        let exchange = async {
            let mut connection = way.connection().await?;
            let (head, body) = connection.send(request).await?.into_parts();
            let body = match body.collect().await {
                Ok(body) => body,
                Err(error) => return Err(connection.explain(&error).await),
            };
            Ok(Reply {
                status: head.status.as_u16(),
                headers: head.headers,
                trailers: body.trailers().cloned(),
                body: body.to_bytes(),
                latency: start.elapsed(),
            })
        };
        match tokio::time::timeout(call.timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CallError::Timeout(call.timeout)),
        }
    }

    /// Sends bytes over mTLS, as they are, to a cluster's server sidecar, and
    /// returns what comes back until the connection closes or is silent for 300 ms.
    pub async fn raw(
        &self,
        to: &str,
        from: impl Into<Identity>,
        protocol: Protocol,
        bytes: &[u8],
    ) -> Result<Vec<u8>, CallError> {
        let call = Call::get("/").from(from).to(to).protocol(protocol);
        let whole = self.raw_until(&call, bytes, |_| false);
        whole.await.map(|(answer, _)| answer)
    }

    /// Sends bytes the way that a call goes and reads until `done`, the connection closes, or it is silent (5 s before the
    /// first byte, 300 ms after); says too whether it was closed.
    pub(crate) async fn raw_until(
        &self,
        call: &Call,
        bytes: &[u8],
        done: impl Fn(&[u8]) -> bool,
    ) -> Result<(Vec<u8>, bool), CallError> {
        let (mut stream, verdict) = self.way(call)?.stream().await?;
        let failed = |error: std::io::Error| failure(&verdict, &error);
        stream.write_all(bytes).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        let mut answer = Vec::new();
        while !done(&answer) {
            let patience = if answer.is_empty() { 5000 } else { 300 };
            let read = stream.read_buf(&mut answer);
            match tokio::time::timeout(Duration::from_millis(patience), read).await {
                Ok(Ok(0)) => return Ok((answer, true)),
                Err(_) => break,
                Ok(Ok(_)) => {}
                // A peer that closes without ceremony has said what it had to say.
                Ok(Err(_)) if !answer.is_empty() => return Ok((answer, true)),
                Ok(Err(error)) => return Err(failed(error)),
            }
        }
        Ok((answer, false))
    }

    /// Repeats a call `rate` times a second, for `length` or until it is stopped.
    pub fn load(
        &self,
        call: Call,
        rate: f64,
        length: impl Into<Option<Duration>>,
    ) -> Result<Load, CallError> {
        let way = self.way(&call)?;
        call.request(0)?;
        Ok(Load::start(self.runtime(), call, way, rate, length.into()))
    }

    /// Has the service of a cluster make this call for each request, before it answers: through the
    /// client sidecar of that cluster, as an application does that calls another. The request's
    /// `x-request-deadline`, `grpc-timeout`, `x-criticality` and `x-request-id` go along.
    ///
    /// It is made after the service's delay and its work, and is given up when the request is. The
    /// answer has the status of the call's, or 504 when the call's timeout is over, and in its echo,
    /// as `onward`, the milliseconds that it took (`ms`) and the `echo` of the service called. With no
    /// call, the service answers by itself again.
    pub fn call_on(&self, cluster: &str, call: impl Into<Option<Call>>) -> Result<(), CallError> {
        let site = self.site(cluster)?;
        let onward = |call: Call| {
            let call = call
                .from(Workload::new(cluster, "shop", "orders"))
                .via_sidecar();
            call.request(0)?;
            let way = self.way(&call)?;
            Ok::<_, CallError>((call, way))
        };
        let onward = call.into().map(onward).transpose()?;
        site.upstream.set_onward(onward);
        Ok(())
    }

    /// How a call gets from its caller to a sidecar.
    fn way(&self, call: &Call) -> Result<Way, CallError> {
        let caller = call.caller()?;
        let home = self.site(&caller.cluster)?;
        let protocol = call.protocol;
        if call.transport == Transport::Sidecar {
            self.proxy(&caller.cluster, Side::Client)?;
            let target = SocketAddr::new(home.ip, OUTBOUND_PORT);
            return Ok(Way {
                source: home.ip,
                target,
                tls: None,
                sni: None,
                protocol,
            });
        }
        let (to, port, server) = match (&call.gateway, &call.to) {
            (Some(gateway), _) => {
                self.proxy(gateway, Side::Gateway)?;
                (gateway, GATEWAY_PORT, Workload::gateway(gateway))
            }
            (None, Some(to)) => (to, SERVICE_PORT, self.server_form.workload(to)),
            (None, None) => return Err(CallError::Invalid("`to` is not set".to_owned())),
        };
        let target = SocketAddr::new(self.site(to)?.ip, port);
        let tls = if call.transport == Transport::Mtls {
            let root = &self.pki.authority(&Signer::Cluster(to.clone()))?.root;
            let server = self.pki.spiffe(&server)?;
            let credential = self.pki.credential(&caller)?;
            let config =
                tls::client_config(root, server, credential.as_deref(), protocol, call.resume)
                    .map_err(|error| CallError::Tls(error.to_string()))?;
            Some(config)
        } else {
            None
        };
        Ok(Way {
            source: home.ip,
            target,
            tls,
            sni: call.sni.clone(),
            protocol,
        })
    }
}

/// One delivery of a filter's configuration.
#[derive(Debug, Clone)]
pub struct Version {
    pub(crate) cluster: String,
    pub(crate) side: Side,
    pub(crate) resource: String,
    pub(crate) number: u64,
}

impl Version {
    /// What a sidecar starts with.
    pub(crate) fn first(cluster: &str, side: Side, ecds: &Ecds) -> Self {
        let resource = ecds.wasm.resource.clone();
        Self {
            cluster: cluster.to_owned(),
            side,
            resource,
            number: 1,
        }
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        for site in &self.sites {
            site.proxies().for_each(Proxy::kill);
        }
        let what = "the mesh's configuration and logs are";
        self.folder.leave(what, !self.started);
    }
}
