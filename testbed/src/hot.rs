//! Envoy's hot restart: a new process takes over the sockets of the old one, which goes on with the
//! requests it has and ends by itself.
//!
//! The processes of a line know one another by a number, the base id, that the first one chooses.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::envoy::Ecds;
use crate::mesh::Mesh;
use crate::observe::RESTART;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::{Error, Side, eventually};

/// How long the old process drains, and how long it lives.
const DRAIN: [&str; 4] = ["--drain-time-s", "1", "--parent-shutdown-time-s", "2"];

/// What an Envoy needs that may be restarted so.
#[derive(Debug)]
pub(crate) struct Line {
    /// The file that the base id is written to.
    base_id: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    epoch: u32,
    /// Those that were taken over from.
    leaving: Vec<Process>,
}

impl Line {
    pub(crate) fn new(base_id: PathBuf) -> Self {
        Self {
            base_id,
            state: Mutex::default(),
        }
    }

    /// The arguments of the first process of a line.
    pub(crate) fn first(&self) -> Vec<String> {
        self.arguments(&[
            "--use-dynamic-base-id",
            "--base-id-path",
            &self.base_id.to_string_lossy(),
        ])
    }

    /// The arguments of the next process, and its number.
    fn next(&self, old: Option<Process>) -> Result<(Vec<String>, u32), Error> {
        let base_id = self.read().map_err(Error::io("read Envoy's base id"))?;
        let mut state = self.state.lock().expect("nobody panics with it");
        state.epoch += 1;
        // What has left is reaped here.
        state
            .leaving
            .retain_mut(|process| process.ended().is_none());
        state.leaving.extend(old);
        let epoch = state.epoch.to_string();
        let arguments = self.arguments(&["--base-id", &base_id, "--restart-epoch", &epoch]);
        Ok((arguments, state.epoch))
    }

    fn arguments(&self, own: &[&str]) -> Vec<String> {
        own.iter()
            .chain(&DRAIN)
            .map(|it| (*it).to_owned())
            .collect()
    }

    fn read(&self) -> std::io::Result<String> {
        let base_id = std::fs::read_to_string(&self.base_id)?;
        Ok(base_id.trim().to_owned())
    }

    /// Ends the line, and removes the memory that its processes shared, which Envoy leaves behind.
    pub(crate) fn end(&self) {
        *self.state.lock().expect("nobody panics with it") = State::default();
        if let Ok(base_id) = self.read() {
            // Its name ends with the base id and a digit for each of ten lines that may share it.
            let _ = std::fs::remove_file(format!("/dev/shm/envoy_shared_memory_{base_id}0"));
            let _ = std::fs::remove_file(&self.base_id);
        }
    }
}

impl Proxy {
    /// Starts the next process of its line; returns that one's number.
    fn succeed(&self) -> Result<u32, Error> {
        let line = self.line.as_ref();
        let not_hot =
            || Error::NotStarted(format!("a line of {} (`Builder::hot_restarts`)", self.who));
        let line = line.ok_or_else(not_hot)?;
        let mut process = self.process.lock().expect("nobody panics with it");
        let (arguments, epoch) = line.next(process.take())?;
        *process = Some(Process::start(&self.launch_with(arguments))?);
        Ok(epoch)
    }
}

impl Mesh {
    /// Restarts a sidecar while it runs: another process takes over its sockets, with the same
    /// configuration, and the old one ends within two seconds. Returns when the new one is in charge.
    /// Needs [`Builder::hot_restarts`](crate::Builder::hot_restarts).
    ///
    /// The new one adds the old one's metrics to its own, so that
    /// [`wait_config`](Self::wait_config) may take a later delivery for refused that it has not seen.
    pub async fn hot_restart(&self, cluster: &str, side: Side) -> Result<(), Error> {
        let proxy = self.proxy(cluster, side)?;
        let filters = self.site(cluster)?.filters(side);
        filters.iter().for_each(Ecds::restarted);
        let epoch = proxy.succeed()?;
        let in_charge = async || {
            let info = proxy.ask(Method::GET, "/server_info").await.ok()?;
            let info: Value = serde_json::from_str(&info).ok()?;
            let new = info["command_line_options"]["restart_epoch"] == epoch;
            (new && info["state"] == "LIVE").then_some(())
        };
        eventually(RESTART, "a hot restart", in_charge).await?;
        // Its workers take their sockets over a moment later.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(())
    }
}
