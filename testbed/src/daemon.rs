//! A server beside a mesh: a Prometheus, a collector.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use http::Method;

use crate::folder::Folder;
use crate::net::{self, Claim};
use crate::process::{Launch, Process};
use crate::{Error, admin};

/// Any server, with an address of the loopback network and a folder of its own, both of which its
/// configuration may name before it runs. Dropping it ends it; the folder stays if a test fails.
pub struct Daemon {
    name: String,
    folder: Folder,
    process: Option<Process>,
    claim: Claim,
}

impl Daemon {
    /// A place for one; nothing runs yet.
    pub fn new(name: &str) -> Result<Self, Error> {
        Ok(Self {
            name: name.to_owned(),
            folder: Folder::make(name)?,
            process: None,
            claim: net::claim(1)?.pop().ok_or(Error::NoAddresses)?,
        })
    }

    /// Its address, all of whose ports but [`UPSTREAM_PORT`](crate::UPSTREAM_PORT) are free.
    pub fn ip(&self) -> IpAddr {
        self.claim.ip
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Writes a file into its folder.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf, Error> {
        self.folder.write(name, content)
    }

    /// Starts it, ending first what ran here before.
    pub fn run<T: Into<String>>(
        &mut self,
        program: &Path,
        args: impl IntoIterator<Item = T>,
    ) -> Result<(), Error> {
        self.stop();
        let launch = Launch {
            program: program.to_owned(),
            args: args.into_iter().map(Into::into).collect(),
            log: self.log_file(),
        };
        self.process = Some(Process::start(&launch)?);
        Ok(())
    }

    /// Ends it.
    pub fn stop(&mut self) {
        drop(self.process.take());
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.process.as_mut()?.ended()
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// `GET path` at one of its ports: the status and the text, or why there is no answer.
    pub async fn get(&self, port: u16, path: &str) -> Result<(u16, String), String> {
        admin::ask(SocketAddr::new(self.ip(), port), Method::GET, path).await
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path("log")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
        let what = format!("the log of {} is", self.name);
        self.folder.leave(&what, false);
    }
}
