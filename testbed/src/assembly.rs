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
    /// A server with these filters.
    pub(crate) fn server(
        &self,
        site: &Site,
        filters: &[Filter],
    ) -> Result<(Proxy, Vec<Ecds>), Error> {
        let config = self.wish.configs.get(&site.spec.name);
        let config = config.or(self.wish.config.as_ref());
        self.made(site, Side::Server, filters, config)
    }

    pub(crate) fn client(&self, site: &Site) -> Result<(Proxy, Vec<Ecds>), Error> {
        let config = self.wish.client_config.as_ref();
        self.made(site, Side::Client, &self.wish.client_filters, config)
    }

    pub(crate) fn gateway(&self, site: &Site) -> Result<(Proxy, Vec<Ecds>), Error> {
        let outward = &self.wish.outward;
        let config = outward.gateway_config.as_ref();
        self.made(site, Side::Gateway, &outward.gateway_filters, config)
    }

    fn made(
        &self,
        site: &Site,
        side: Side,
        filters: &[Filter],
        config: Option<&String>,
    ) -> Result<(Proxy, Vec<Ecds>), Error> {
        let role = self.role(site, side);
        let folder = self.folder.path(&format!("{}-ecds", role.name(site)));
        let (inline, ecds) = envoy::http_filters(filters, &folder, config.map(String::as_str))?;
        let (listeners, clusters) = self.parts(site, side, inline)?;
        let bootstrap = self.bootstrap(site, side, &listeners, &clusters);
        Ok((self.proxy(site, side, &bootstrap)?, ecds))
    }

    /// The listeners and clusters of a proxy with these filters.
    pub(crate) fn parts(
        &self,
        site: &Site,
        side: Side,
        filters: Vec<Value>,
    ) -> Result<(Vec<Value>, Vec<Value>), Error> {
        let material = self.credentials(site, side)?;
        let access_log = self.access_log(site, side);
        let access_log = access_log.to_string_lossy();
        match side {
            Side::Server => self.server_parts(site, filters, &material, &access_log),
            Side::Client => self.client_parts(site, filters, &material, &access_log),
            Side::Gateway => self.gateway_parts(site, filters, &material, &access_log),
        }
    }

    fn server_parts(
        &self,
        site: &Site,
        filters: Vec<Value>,
        material: &Material,
        access_log: &str,
    ) -> Result<(Vec<Value>, Vec<Value>), Error> {
        let endpoints = self.wish.outward.endpoints(&site.spec.name);
        let endpoints = endpoints.map(|_| self.endpoints(site)).transpose()?;
        let inbound = Inbound {
            place: Place::alone(site.ip),
            material,
            trust: self.trust,
            peer_authentication: self.wish.peer_authentication,
            normalize_path: self.wish.normalize_path,
            filters,
            access_log,
            endpoints: endpoints.as_deref(),
        };
        Ok(match self.wish.server_form {
            ServerForm::Sidecar => envoy::inbound(inbound),
            ServerForm::Waypoint => envoy::waypoint(inbound),
        })
    }

    fn client_parts(
        &self,
        site: &Site,
        filters: Vec<Value>,
        material: &Material,
        access_log: &str,
    ) -> Result<(Vec<Value>, Vec<Value>), Error> {
        let outward = &self.wish.outward;
        let (listener, clusters) = envoy::outbound(Outbound {
            home: &site.spec,
            place: Place::alone(site.ip),
            material,
            trust: self.trust,
            destinations: &self.destinations(None)?,
            health_checks: outward.health_checks.as_ref(),
            outlier_detection: outward.outlier_detection.as_ref(),
            native: outward.native.as_ref(),
            filters,
            access_log,
        });
        Ok((vec![listener], clusters))
    }

    fn gateway_parts(
        &self,
        site: &Site,
        filters: Vec<Value>,
        material: &Material,
        access_log: &str,
    ) -> Result<(Vec<Value>, Vec<Value>), Error> {
        let roots = self.wish.clients_of_any_name.then(|| {
            let all = self.mesh.sites.iter().map(|site| {
                let signer = Signer::Cluster(site.spec.name.clone());
                Ok(self.mesh.pki().authority(&signer)?.root_pem.as_str())
            });
            all.collect::<Result<String, Error>>()
        });
        let roots = roots.transpose()?;
        let mode = self.wish.gateways.get(&site.spec.name);
        let (listener, clusters) = envoy::gateway(Entry {
            cluster: &site.spec.name,
            ip: site.ip,
            material,
            trust: self.trust,
            mode: mode.copied().unwrap_or(GatewayMode::SanitizeSet),
            roots: roots.as_deref(),
            destinations: &self.destinations(Some(site))?,
            filters,
            access_log,
        });
        Ok((vec![listener], clusters))
    }

    fn role(&self, site: &Site, side: Side) -> Role {
        let cluster = &site.spec.name;
        let (who, kind, port, admin_port, concurrency) = match side {
            Side::Server => {
                let form = self.wish.server_form;
                let kind = match form {
                    ServerForm::Sidecar => "sidecar",
                    ServerForm::Waypoint => "waypoint",
                };
                let workers = self.wish.server_concurrency;
                (
                    form.workload(cluster),
                    kind,
                    SERVICE_PORT,
                    SERVER_ADMIN_PORT,
                    workers,
                )
            }
            Side::Client => {
                let who = Workload::new(cluster, "shop", "frontend");
                let workers = self.wish.client_concurrency;
                (who, "sidecar", OUTBOUND_PORT, CLIENT_ADMIN_PORT, workers)
            }
            Side::Gateway => {
                let who = Workload::gateway(cluster);
                (who, "router", GATEWAY_PORT, GATEWAY_ADMIN_PORT, 1)
            }
        };
        Role {
            side,
            who,
            kind,
            port,
            admin_port,
            concurrency,
        }
    }

    /// Where every cluster is called: at its server, or, by the gateway of another cluster, at its
    /// gateway.
    pub(crate) fn destinations(
        &self,
        gateway: Option<&Site>,
    ) -> Result<Vec<Destination<'_>>, Error> {
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

    fn access_log(&self, site: &Site, side: Side) -> std::path::PathBuf {
        let name = self.role(site, side).name(site);
        self.folder.path(&format!("{name}-access.log"))
    }

    /// A workload's certificate and key, in files: written once, since an Envoy that runs has read
    /// them.
    pub(crate) fn credentials(&self, site: &Site, side: Side) -> Result<Material, Error> {
        let role = self.role(site, side);
        let name = role.name(site);
        material::credentials(self.folder, self.mesh.pki(), &role.who, &name)
    }

    pub(crate) fn bootstrap(
        &self,
        site: &Site,
        side: Side,
        listeners: &[Value],
        clusters: &[Value],
    ) -> Value {
        let role = self.role(site, side);
        let node = Node {
            cluster: &site.spec,
            place: Place::alone(site.ip),
            kind: role.kind,
            namespace: &role.who.namespace,
            app: &role.who.service_account,
            admin_port: role.admin_port,
            services: &self.wish.services,
        };
        let mut bootstrap = envoy::bootstrap(&node, listeners, clusters);
        if side == Side::Server && self.wish.server_form == ServerForm::Waypoint {
            bootstrap["bootstrap_extensions"] = envoy::waypoint_extensions().into();
        }
        self.wish.telemetry.shape(&mut bootstrap);
        bootstrap
    }

    pub(crate) fn proxy(&self, site: &Site, side: Side, bootstrap: &Value) -> Result<Proxy, Error> {
        let role = self.role(site, side);
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
            access_log: self.access_log(site, side),
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
