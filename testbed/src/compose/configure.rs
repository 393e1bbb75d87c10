//! What the Envoys read: certificates and bootstraps, written once, and the filters'
//! configurations, written anew with each change of the policies.

use std::fs;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Configs, Layout};
use crate::cluster::ServerForm;
use crate::envoy::{self, Destination, Inbound, Node, Outbound};
use crate::folder::Folder;
use crate::net::{CLIENT_ADMIN_PORT, Place, SERVER_ADMIN_PORT};
use crate::pki::{Pki, Workload};
use crate::{ClusterSpec, Error, Filter, PeerAuthentication, Side, Wasm, material};

/// How long certificates last: a testbed that is left running is made anew within a month.
const LIFE: time::Duration = time::Duration::days(30);
/// From this age on they are not gone on with.
const OLD: Duration = Duration::from_secs(25 * 24 * 3600);
/// Where Envoys write their access logs: whoever runs a container shows what it prints.
const ACCESS_LOG: &str = "/dev/stdout";

/// Where everything is, for the Envoys as well.
#[derive(Debug, Clone)]
pub struct Files {
    /// The folder for what is written.
    pub folder: PathBuf,
    /// The folder that the modules are in, or will be.
    pub modules: PathBuf,
    /// The addresses.
    pub layout: Layout,
}

impl Files {
    /// Writes everything. Certificates that are there stay: the Envoys that run have them.
    pub fn write(&self, configs: &Configs) -> Result<(), Error> {
        let made = self.folder.join("made");
        if let Ok(made) = fs::metadata(&made) {
            let age = made
                .modified()
                .ok()
                .and_then(|at| SystemTime::now().duration_since(at).ok());
            if age.is_some_and(|age| age > OLD) {
                return Err(Error::OldCertificates(self.folder.clone()));
            }
            return self.deliver(configs);
        }
        self.clear()?;
        self.make(configs)?;
        let failed = format!("write `{}`", made.display());
        fs::write(&made, "").map_err(Error::io(failed))
    }

    /// Removes what a run left behind that did not get to its end. The folder itself may be where a
    /// volume is mounted.
    fn clear(&self) -> Result<(), Error> {
        let clear = || -> std::io::Result<()> {
            for entry in fs::read_dir(&self.folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    fs::remove_dir_all(&path)?;
                } else {
                    fs::remove_file(&path)?;
                }
            }
            Ok(())
        };
        clear().map_err(Error::io(format!("empty `{}`", self.folder.display())))
    }

    /// Writes the filters' configurations alone.
    pub fn deliver(&self, configs: &Configs) -> Result<(), Error> {
        for cluster in Layout::clusters() {
            for side in [Side::Server, Side::Client] {
                self.filters(&cluster, side, configs)?;
            }
        }
        Ok(())
    }

    /// Gives everything to a user, and group, of this number.
    pub fn give_to(&self, owner: u32) -> Result<(), Error> {
        fn give(path: &Path, owner: u32) -> std::io::Result<()> {
            lchown(path, Some(owner), Some(owner))?;
            if path.symlink_metadata()?.is_dir() {
                for entry in fs::read_dir(path)? {
                    give(&entry?.path(), owner)?;
                }
            }
            Ok(())
        }
        let failed = format!("give `{}` to user {owner}", self.folder.display());
        give(&self.folder, owner).map_err(Error::io(failed))
    }

    fn make(&self, configs: &Configs) -> Result<(), Error> {
        let folder = Folder(self.folder.clone());
        let clusters = Layout::clusters();
        let pki = Pki::new(&clusters, &[])?.lasting(LIFE);
        let trust = material::trust(&folder, &pki, &clusters, &[])?;
        for cluster in &clusters {
            let who = ServerForm::Sidecar.workload(&cluster.name);
            let (listeners, upstreams) = envoy::inbound(Inbound {
                place: Place::pod(self.layout.orders(cluster).ip()),
                material: &material::credentials(
                    &folder,
                    &pki,
                    &who,
                    &name(cluster, Side::Server),
                )?,
                trust: &trust,
                peer_authentication: PeerAuthentication::Strict,
                normalize_path: true,
                filters: self.filters(cluster, Side::Server, configs)?,
                access_log: ACCESS_LOG,
                endpoints: None,
            });
            self.bootstrap(&folder, cluster, Side::Server, &listeners, &upstreams)?;

            let who = Workload::new(&cluster.name, "shop", "frontend");
            let (listener, mut upstreams) = envoy::outbound(Outbound {
                home: cluster,
                place: Place::pod(self.layout.frontend(cluster)),
                material: &material::credentials(
                    &folder,
                    &pki,
                    &who,
                    &name(cluster, Side::Client),
                )?,
                trust: &trust,
                destinations: &self.destinations(&clusters, &pki)?,
                health_checks: None,
                outlier_detection: None,
                native: None,
                filters: self.filters(cluster, Side::Client, configs)?,
                access_log: ACCESS_LOG,
            });
            for upstream in &mut upstreams {
                // A region that is cut off does not refuse: it does not answer. See docs/failover.md.
                upstream["connect_timeout"] = json!("1s");
            }
            self.bootstrap(&folder, cluster, Side::Client, &[listener], &upstreams)?;
        }
        Ok(())
    }

    fn destinations<'a>(
        &self,
        clusters: &'a [ClusterSpec],
        pki: &Pki,
    ) -> Result<Vec<Destination<'a>>, Error> {
        let destination = |cluster: &'a ClusterSpec| {
            Ok(Destination {
                cluster,
                endpoints: vec![self.layout.orders(cluster)],
                uri: pki.spiffe(&ServerForm::Sidecar.workload(&cluster.name))?,
                routed: true,
            })
        };
        clusters.iter().map(destination).collect()
    }

    /// Writes the files of a proxy's filters; what its connection manager says of them.
    fn filters(
        &self,
        cluster: &ClusterSpec,
        side: Side,
        configs: &Configs,
    ) -> Result<Vec<Value>, Error> {
        let wasm = |filter: &str, config: &String| {
            let module = self.modules.join(format!("{filter}.wasm"));
            let mut wasm = Wasm::new(filter, module);
            wasm.config.clone_from(config);
            Filter::Ecds(wasm)
        };
        let filters = match side {
            Side::Server => vec![
                Filter::peer_issuer(),
                wasm("authz", &configs.authz),
                wasm("shaping", &configs.shaping),
            ],
            _ => vec![wasm("locality", &configs.locality)],
        };
        let folder = self.folder.join("ecds").join(name(cluster, side));
        let (inline, _) = envoy::http_filters(&filters, &folder, None)?;
        Ok(inline)
    }

    fn bootstrap(
        &self,
        folder: &Folder,
        cluster: &ClusterSpec,
        side: Side,
        listeners: &[Value],
        clusters: &[Value],
    ) -> Result<(), Error> {
        let (place, app, admin_port) = match side {
            Side::Server => (
                self.layout.orders(cluster).ip(),
                "orders",
                SERVER_ADMIN_PORT,
            ),
            _ => (self.layout.frontend(cluster), "frontend", CLIENT_ADMIN_PORT),
        };
        let node = Node {
            cluster,
            place: Place::pod(place),
            kind: "sidecar",
            namespace: "shop",
            app,
            admin_port,
            services: &[],
        };
        let bootstrap = envoy::bootstrap(&node, listeners, clusters);
        let file = format!("{}.json", name(cluster, side));
        folder.write(&file, &format!("{bootstrap:#}")).map(drop)
    }
}

/// What a proxy's files are called, and, in `compose.yaml`, its container.
fn name(cluster: &ClusterSpec, side: Side) -> String {
    let app = match side {
        Side::Server => "orders",
        _ => "frontend",
    };
    format!("{}-{app}", cluster.name)
}
