//! An OCI registry of a test's own: Debian's `docker-registry`, on loopback, its storage a folder
//! that a test can look into and damage.

mod tls;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::folder::Folder;
use crate::net::{self, Claim};
use crate::process::{Launch, Process};
use crate::{Error, eventually, tools};

/// Where registries listen by custom.
const PORT: u16 = 5000;
const START: Duration = Duration::from_secs(20);
/// The least that bcrypt takes: what a test's password protects is nothing.
const COST: u32 = 4;

/// A registry; dropping it ends it, and removes what it stored.
pub struct Registry {
    address: SocketAddr,
    launch: Launch,
    process: Mutex<Option<Process>>,
    folder: Folder,
    tls: bool,
    /// Keeps its address from others.
    _claim: Claim,
}

/// A registry that is not started yet.
#[derive(Debug, Default)]
pub struct RegistryBuilder {
    name: String,
    accounts: Vec<(String, String)>,
    tls: bool,
}

impl RegistryBuilder {
    /// Lets in only who has an account, of which this is one.
    #[must_use]
    pub fn account(mut self, user: &str, password: &str) -> Self {
        self.accounts.push((user.to_owned(), password.to_owned()));
        self
    }

    /// Has it serve HTTPS, with a certificate of a CA of its own: see [`Registry::ca`].
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts it. Where there is no `docker-registry` there is none, which is said on the terminal,
    /// whether or not the test's own words are shown.
    pub async fn start(self) -> Result<Option<Registry>, Error> {
        let Some(program) = tools::program("docker-registry") else {
            let told = format!(
                "\nSKIPPED: `{}` needs a registry, and there is none. Run `cargo xtask test` or \
                 `cargo xtask conformance`, which fetch Debian's, or put `docker-registry` on the \
                 path.\n",
                self.name
            );
            // Not `eprintln`, which a test that passes is silent with. Who cannot be told is not.
            let _ = std::io::stderr().write_all(told.as_bytes());
            return Ok(None);
        };
        let claim = net::claim(1)?.pop().ok_or(Error::NoAddresses)?;
        let address = SocketAddr::new(claim.ip, PORT);
        let folder = Folder::make(&self.name)?;
        let config = folder.write("registry.json", &self.config(address, &folder)?.to_string())?;
        let registry = Registry {
            address,
            launch: Launch {
                program,
                args: vec!["serve".to_owned(), config.to_string_lossy().into_owned()],
                log: folder.path("registry.log"),
            },
            process: Mutex::default(),
            folder,
            tls: self.tls,
            _claim: claim,
        };
        registry.restart().await?;
        Ok(Some(registry))
    }

    /// Its configuration is YAML, of which JSON is a part.
    fn config(&self, address: SocketAddr, folder: &Folder) -> Result<Value, Error> {
        let storage = folder.path("storage");
        fs::create_dir_all(&storage).map_err(Error::io("make a registry's storage"))?;
        let mut config = json!({
            "version": "0.1",
            "log": {"level": "info"},
            // No cache: what a test damages is not answered from memory.
            "storage": {
                "filesystem": {"rootdirectory": storage},
                "delete": {"enabled": true},
                "maintenance": {"uploadpurging": {"enabled": false}},
            },
            "http": {"addr": address.to_string(), "secret": "one registry only"},
        });
        if self.tls {
            let made = tls::certify(address.ip())?;
            folder.write("ca.pem", &made.ca)?;
            let chain = folder.write("cert.pem", &made.chain)?;
            let key = folder.write("key.pem", &made.key)?;
            config["http"]["tls"] = json!({"certificate": chain, "key": key});
        }
        if !self.accounts.is_empty() {
            let mut lines = String::new();
            for (user, password) in &self.accounts {
                let hash = bcrypt::hash(password, COST)
                    .map_err(|why| Error::io("hash a password")(std::io::Error::other(why)))?;
                lines += &format!("{user}:{hash}\n");
            }
            let path = folder.write("htpasswd", &lines)?;
            config["auth"] = json!({"htpasswd": {"realm": "testbed", "path": path}});
        }
        Ok(config)
    }
}

impl Registry {
    /// Starts one that lets everybody in, over plain HTTP; see [`RegistryBuilder::start`].
    pub async fn start(name: &str) -> Result<Option<Self>, Error> {
        Self::builder(name).start().await
    }

    /// One for a test of this name.
    pub fn builder(name: &str) -> RegistryBuilder {
        RegistryBuilder {
            name: name.to_owned(),
            ..RegistryBuilder::default()
        }
    }

    /// Where it listens: the host of a reference.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that it keeps blobs, manifests and tags in.
    pub fn storage(&self) -> PathBuf {
        self.folder.path("storage")
    }

    /// Where it keeps a blob or a manifest, by its digest (`sha256:…`).
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        let start = hex.get(..2).unwrap_or(hex);
        self.storage()
            .join("docker/registry/v2/blobs/sha256")
            .join(start)
            .join(hex)
            .join("data")
    }

    /// The tags of a repository, sorted, as it stored them.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let folder = self
            .storage()
            .join("docker/registry/v2/repositories")
            .join(repository)
            .join("_manifests/tags");
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        // A tag is there once it leads somewhere.
        let whole = entries.filter(|entry| entry.path().join("current/link").is_file());
        let mut tags: Vec<_> = whole
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        tags.sort();
        tags
    }

    /// The certificate of its CA, if it serves HTTPS.
    pub fn ca(&self) -> Option<PathBuf> {
        self.tls.then(|| self.folder.path("ca.pem"))
    }

    /// A folder of its own that a test may use, and that goes with it.
    pub fn scratch(&self) -> &Path {
        &self.folder.0
    }

    /// What it has logged so far: a line for each request, among others.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.launch.log).unwrap_or_default()
    }

    /// Kills it, as a crash would. What it stored stays.
    pub fn kill(&self) {
        drop(self.slot().take());
    }

    /// Starts it again, killing it first if it runs, and waits until it listens.
    pub async fn restart(&self) -> Result<(), Error> {
        self.kill();
        let process = Process::start(&self.launch)?;
        *self.slot() = Some(process);
        let up = async || TcpStream::connect(self.address).await.ok();
        eventually(START, "a registry", up).await?;
        Ok(())
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().expect("nobody panics with it")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.kill();
        self.folder
            .leave("what the registry stored and logged is", false);
    }
}
