//! One Envoy out of what a test wishes: its certificate, its configuration, and how to start it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

use crate::builder::Builder;
use crate::cluster::ServerForm;
use crate::envoy::{self, Destination, Ecds, Entry, Inbound, Material, Node, Outbound, Trust};
use crate::folder::Folder;
use crate::hot::Line;
use crate::mesh::{Mesh, Site};
use crate::net::{
    CLIENT_ADMIN_PORT, GATEWAY_ADMIN_PORT, GATEWAY_PORT, OUTBOUND_PORT, Place, SERVER_ADMIN_PORT,
    SERVICE_PORT,
};
use crate::pki::{Signer, Workload};
use crate::process::Launch;
use crate::proxy::Proxy;
use crate::{Error, Filter, GatewayMode, Side, material, net};

/// What all Envoys of a mesh are made with.
pub(crate) struct Assembly<'a> {
    pub(crate) wish: &'a Builder,
    pub(crate) mesh: &'a Mesh,
    pub(crate) folder: &'a Folder,
    pub(crate) trust: &'a Trust,
    pub(crate) envoy: &'a Path,
}

/// What tells one Envoy of a cluster from the others.
struct Role {
    side: Side,
    who: Workload,
    /// What Istio calls such a proxy, the first word of its node's id.
    kind: &'static str,
    port: u16,
    admin_port: u16,
    concurrency: u32,
}

impl Assembly<'_> {
    pub(crate) fn server(
        &self,
        site: &Site,
        filters: &[Filter],
    ) -> Result<(Proxy, Vec<Ecds>), Error> {
        let name = &site.spec.name;
        let (kind, extensions) = match self.wish.server_form {
            ServerForm::Sidecar => ("sidecar", Vec::new()),
            ServerForm::Waypoint => ("waypoint", envoy::waypoint_extensions()),
        };
        let role = Role {
            side: Side::Server,
            who: self.wish.server_form.workload(name),
            kind,
            port: SERVICE_PORT,
            admin_port: SERVER_ADMIN_PORT,
            concurrency: self.wish.server_concurrency,
        };
        let config = self.wish.configs.get(name).or(self.wish.config.as_ref());
        let (inline, ecds) = self.filters(site, &role, filters, config)?;
        let material = self.credentials(site, &role)?;
        let access_log = self.access_log(site, &role);
        let endpoints = self.wish.outward.endpoints(name);
        let endpoints = endpoints.map(|_| self.endpoints(site)).transpose()?;
        let inbound = Inbound {
            place: Place::alone(site.ip),
            material: &material,
            trust: self.trust,
            peer_authentication: self.wish.peer_authentication,
            normalize_path: self.wish.normalize_path,
            filters: inline,
            access_log: &access_log.to_string_lossy(),
            endpoints: endpoints.as_deref(),
        };
        let (listeners, clusters) = match self.wish.server_form {
            ServerForm::Sidecar => envoy::inbound(inbound),
            ServerForm::Waypoint => envoy::waypoint(inbound),
        };
        let mut bootstrap = self.bootstrap(site, &role, &listeners, &clusters);
        if !extensions.is_empty() {
            bootstrap["bootstrap_extensions"] = extensions.into();
        }
        Ok((self.proxy(site, &role, &bootstrap)?, ecds))
    }

    pub(crate) fn client(&self, site: &Site) -> Result<(Proxy, Vec<Ecds>), Error> {
        let role = Role {
            side: Side::Client,
            who: Workload::new(&site.spec.name, "shop", "frontend"),
            kind: "sidecar",
            port: OUTBOUND_PORT,
            admin_port: CLIENT_ADMIN_PORT,
            concurrency: self.wish.client_concurrency,
        };
        let config = self.wish.client_config.as_ref();
        let (inline, ecds) = self.filters(site, &role, &self.wish.client_filters, config)?;
        let outward = &self.wish.outward;
        let (listener, clusters) = envoy::outbound(Outbound {
            home: &site.spec,
            place: Place::alone(site.ip),
            material: &self.credentials(site, &role)?,
            trust: self.trust,
            destinations: &self.destinations(None)?,
            health_checks: outward.health_checks.as_ref(),
            outlier_detection: outward.outlier_detection.as_ref(),
            native: outward.native.as_ref(),
            filters: inline,
            access_log: &self.access_log(site, &role).to_string_lossy(),
        });
        let bootstrap = self.bootstrap(site, &role, &[listener], &clusters);
        Ok((self.proxy(site, &role, &bootstrap)?, ecds))
    }

    pub(crate) fn gateway(
        &self,
        site: &Site,
        mode: GatewayMode,
    ) -> Result<(Proxy, Vec<Ecds>), Error> {
        let role = Role {
            side: Side::Gateway,
            who: Workload::gateway(&site.spec.name),
            kind: "router",
            port: GATEWAY_PORT,
            admin_port: GATEWAY_ADMIN_PORT,
            concurrency: 1,
        };
        let roots = self.wish.clients_of_any_name.then(|| {
            let all = self.mesh.sites.iter().map(|site| {
                let signer = Signer::Cluster(site.spec.name.clone());
                Ok(self.mesh.pki().authority(&signer)?.root_pem.as_str())
            });
            all.collect::<Result<String, Error>>()
        });
        let roots = roots.transpose()?;
        let outward = &self.wish.outward;
        let config = outward.gateway_config.as_ref();
        let (inline, ecds) = self.filters(site, &role, &outward.gateway_filters, config)?;
        let (listener, clusters) = envoy::gateway(Entry {
            cluster: &site.spec.name,
            ip: site.ip,
            material: &self.credentials(site, &role)?,
            trust: self.trust,
            mode,
            roots: roots.as_deref(),
            destinations: &self.destinations(Some(site))?,
            filters: inline,
            access_log: &self.access_log(site, &role).to_string_lossy(),
        });
        let bootstrap = self.bootstrap(site, &role, &[listener], &clusters);
        Ok((self.proxy(site, &role, &bootstrap)?, ecds))
    }

    /// Where every cluster is called: at its server, or, by the gateway of another cluster, at its
    /// gateway.
    fn destinations(&self, gateway: Option<&Site>) -> Result<Vec<Destination<'_>>, Error> {
        let outward = &self.wish.outward;
        let destination = |site| {
            let Site { spec, ip, .. }: &Site = site;
            let afar = gateway.is_some_and(|gateway| gateway.spec.name != spec.name);
            let joined = outward.gateways_joined && self.wish.gateways.contains_key(&spec.name);
            let (who, endpoints) = if afar && joined {
                let at = SocketAddr::new(*ip, GATEWAY_PORT);
                (Workload::gateway(&spec.name), vec![at])
            } else {
                let who = self.wish.server_form.workload(&spec.name);
                (who, self.endpoints(site)?)
            };
            let known = !outward.without_endpoints.contains(&spec.name);
            Ok(Destination {
                cluster: spec,
                endpoints: if known { endpoints } else { Vec::new() },
                uri: self.mesh.pki().spiffe(&who)?,
                routed: !outward.without_route.contains(&spec.name),
            })
        };
        self.mesh.sites.iter().map(destination).collect()
    }

    /// Where the server sidecar of a cluster takes requests.
    fn endpoints(&self, site: &Site) -> Result<Vec<SocketAddr>, Error> {
        let count = self.wish.outward.endpoints(&site.spec.name).unwrap_or(1);
        let endpoint = |number| {
            let ip = net::endpoint(site.ip, number)?;
            Ok(SocketAddr::new(ip, SERVICE_PORT))
        };
        (0..count).map(endpoint).collect()
    }

    fn filters(
        &self,
        site: &Site,
        role: &Role,
        filters: &[Filter],
        config: Option<&String>,
    ) -> Result<(Vec<Value>, Vec<Ecds>), Error> {
        let folder = self.folder.path(&format!("{}-ecds", role.name(site)));
        envoy::http_filters(filters, &folder, config.map(String::as_str))
    }

    fn access_log(&self, site: &Site, role: &Role) -> std::path::PathBuf {
        self.folder.path(&format!("{}-access.log", role.name(site)))
    }

    /// Writes a workload's certificate and key.
    fn credentials(&self, site: &Site, role: &Role) -> Result<Material, Error> {
        let name = role.name(site);
        material::credentials(self.folder, self.mesh.pki(), &role.who, &name)
    }

    fn bootstrap(
        &self,
        site: &Site,
        role: &Role,
        listeners: &[Value],
        clusters: &[Value],
    ) -> Value {
        let node = Node {
            cluster: &site.spec,
            place: Place::alone(site.ip),
            kind: role.kind,
            namespace: &role.who.namespace,
            app: &role.who.service_account,
            admin_port: role.admin_port,
            services: &self.wish.services,
        };
        envoy::bootstrap(&node, listeners, clusters)
    }

    fn proxy(&self, site: &Site, role: &Role, bootstrap: &Value) -> Result<Proxy, Error> {
        let name = role.name(site);
        let config = self
            .folder
            .write(&format!("{name}.json"), &format!("{bootstrap:#}"))?;
        let args = [
            "--config-path",
            &config.to_string_lossy(),
            "--concurrency",
            &role.concurrency.to_string(),
            "--file-flush-interval-msec",
            "50",
            "--log-level",
            "info",
        ];
        let at = |port| SocketAddr::new(site.ip, port);
        Ok(Proxy {
            who: role.side.of(&site.spec.name),
            launch: Launch {
                program: self.envoy.to_owned(),
                args: args.map(str::to_owned).to_vec(),
                log: self.folder.path(&format!("{name}.log")),
            },
            admin: at(role.admin_port),
            listener: at(role.port),
            access_log: self.access_log(site, role),
            process: Mutex::default(),
            line: self.wish.hot_restarts.then(|| {
                let base_id = self.folder.path(&format!("{name}.base-id"));
                Line::new(base_id)
            }),
        })
    }
}

impl Role {
    /// What its files are called.
    fn name(&self, site: &Site) -> String {
        format!("{}-{}", site.spec.name, self.side)
    }
}
