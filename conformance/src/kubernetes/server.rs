//! Starting the server, with etcd behind it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use landbridge_testbed::process::{Launch, Process};
use landbridge_testbed::workspace;
use rcgen::KeyPair;

use crate::place;

/// It takes about 14 s on two cores that do nothing else.
const PATIENCE: Duration = Duration::from_secs(180);

/// Nobody but this machine reaches the server, and it is gone with the test.
const TOKEN: &str = "conformance";

/// An API server with Istio's kinds; its processes end with the test's.
#[derive(Debug)]
pub struct ApiServer {
    folder: PathBuf,
    alone: Mutex<()>,
    /// Taken when it is dropped.
    processes: Option<[Process; 2]>,
}

impl ApiServer {
    /// The server that the tests of one program share: started once, and ended with the program.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<ApiServer> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// A server of one's own.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start() -> Self {
        let folder = folder();
        // Ports are free when they are chosen; whoever takes one meanwhile costs one more try.
        let started = (0..3).find_map(|_| launch(&folder));
        let Some(processes) = started else {
            panic!(
                "the API server does not start; see its logs in `{}`",
                folder.display()
            );
        };
        let server = Self {
            folder,
            alone: Mutex::default(),
            processes: Some(processes),
        };
        server.install(&workspace().join("target/tools/istio-crds.yaml"));
        server
    }

    /// Where it keeps what it is made of, and where a test may.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that tells a client of it.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// Waits until no other test of this program has the namespaces that Istio reads for all, and
    /// has them until the guard is dropped.
    pub fn alone(&self) -> MutexGuard<'_, ()> {
        // A test that failed has said so itself.
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds definitions of kinds, and waits until their kinds are served.
    fn install(&self, definitions: &Path) {
        let file = definitions.display().to_string();
        let apply = ["apply", "--server-side", "-f", &file];
        self.run(&apply).expect("the kinds are accepted");
        let wait = ["wait", "--for=condition=Established", "crd", "--all"];
        self.run(&wait).expect("the kinds are established");
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.processes.take();
        if !std::thread::panicking() {
            // A folder too many is no failure.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A folder for this server. Those whose processes have ended are removed, since nobody else does.
fn folder() -> PathBuf {
    static SERVERS: Mutex<u32> = Mutex::new(0);
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    let all = workspace().join("target/conformance");
    for old in fs::read_dir(&all).into_iter().flatten().flatten() {
        let name = old.file_name();
        let id = name.to_str().and_then(|name| name.split('-').nth(1));
        if id.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            // Another test may have come before us.
            let _ = fs::remove_dir_all(old.path());
        }
    }
    let folder = all.join(format!("server-{}-{servers}", std::process::id()));
    *servers += 1;
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

fn launch(folder: &Path) -> Option<[Process; 2]> {
    let [storage, peers, secure] = free_ports();
    let data = folder.join(format!("etcd-{storage}"));
    let etcd = format!("http://127.0.0.1:{storage}");
    let peer = format!("http://127.0.0.1:{peers}");
    let storing = Process::start(&Launch {
        program: place("etcd"),
        args: [
            format!("--data-dir={}", data.display()),
            format!("--listen-client-urls={etcd}"),
            format!("--advertise-client-urls={etcd}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
        ]
        .into(),
        log: folder.join("etcd.log"),
    })
    .expect("etcd runs");
    let mut serving = Process::start(&Launch {
        program: place("kube-apiserver"),
        args: arguments(folder, &etcd, secure),
        log: folder.join("kube-apiserver.log"),
    })
    .expect("kube-apiserver runs");
    write(&folder.join("kubeconfig"), &kubeconfig(folder, secure));

    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && serving.ended().is_none() {
        let ready = super::client::kubectl(folder)
            .args(["get", "--raw", "/readyz"])
            .output();
        if ready.is_ok_and(|output| output.status.success()) {
            return Some([storing, serving]);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    None
}

fn arguments(folder: &Path, etcd: &str, port: u16) -> Vec<String> {
    let tokens = folder.join("tokens.csv");
    write(&tokens, &format!("{TOKEN},admin,admin,system:masters\n"));
    let key = folder.join("service-accounts.key");
    let pair = KeyPair::generate().expect("a key can be made");
    write(&key, &pair.serialize_pem());
    let public = folder.join("service-accounts.pub");
    write(&public, &pair.public_key_pem());
    vec![
        format!("--etcd-servers={etcd}"),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", folder.join("certificates").display()),
        format!("--token-auth-file={}", tokens.display()),
        "--authorization-mode=RBAC".into(),
        "--service-account-issuer=https://127.0.0.1".into(),
        format!("--service-account-key-file={}", public.display()),
        format!("--service-account-signing-key-file={}", key.display()),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        // It would look for itself among endpoints, where no loopback address may be.
        "--endpoint-reconciler-type=none".into(),
    ]
}

fn kubeconfig(folder: &Path, port: u16) -> String {
    // The server's certificate is of its own making, and stands there with whoever signed it.
    let authority = folder.join("certificates/apiserver.crt");
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: conformance\n\
         clusters:\n\
         - name: conformance\n  \
           cluster: {{server: \"https://127.0.0.1:{port}\", certificate-authority: {authority:?}}}\n\
         users:\n\
         - name: admin\n  \
           user: {{token: {TOKEN}}}\n\
         contexts:\n\
         - name: conformance\n  \
           context: {{cluster: conformance, user: admin}}\n"
    )
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write `{}`: {e}", path.display()));
}

fn free_ports() -> [u16; 3] {
    // All are held before one is let go, so that they differ.
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    held.map(|socket| socket.local_addr().expect("it has an address").port())
}
