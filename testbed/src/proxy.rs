//! One sidecar: its process, its admin interface, its logs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::hot::Line;
use crate::process::{Launch, Process};
use crate::{Error, admin};

#[derive(Debug)]
pub(crate) struct Proxy {
    /// E.g. `the server sidecar of use1-a`.
    pub(crate) who: String,
    pub(crate) launch: Launch,
    pub(crate) admin: SocketAddr,
    pub(crate) listener: SocketAddr,
    pub(crate) access_log: PathBuf,
    pub(crate) process: Mutex<Option<Process>>,
    /// Where it may be restarted while it runs.
    pub(crate) line: Option<Line>,
}

impl Proxy {
    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().expect("nobody panics with it")
    }

    pub(crate) fn start(&self) -> Result<(), Error> {
        let mut process = self.process();
        // The old one first: both would share the port.
        self.end(process.take());
        let arguments = match &self.line {
            Some(line) => line.first(),
            None => vec!["--disable-hot-restart".to_owned()],
        };
        *process = Some(Process::start(&self.launch_with(arguments))?);
        Ok(())
    }

    /// How to start it with some arguments more.
    pub(crate) fn launch_with(&self, arguments: Vec<String>) -> Launch {
        let mut launch = self.launch.clone();
        launch.args.extend(arguments);
        launch
    }

    pub(crate) fn kill(&self) {
        self.end(self.process().take());
    }

    fn end(&self, process: Option<Process>) {
        drop(process);
        self.line.iter().for_each(Line::end);
    }

    /// Stops its process, or lets it go on.
    #[cfg(unix)]
    pub(crate) fn freeze(&self, frozen: bool) -> Result<(), Error> {
        let mut process = self.process();
        let Some(process) = process.as_mut() else {
            return Err(Error::NotStarted(self.who.clone()));
        };
        process
            .freeze(frozen)
            .map_err(Error::io(format!("signal {}", self.who)))
    }

    /// What `/proc` says of its process.
    pub(crate) fn proc(&self, file: &str) -> Result<String, Error> {
        let pid = self
            .pid()
            .ok_or_else(|| Error::NotStarted(self.who.clone()))?;
        let path = format!("/proc/{pid}/{file}");
        std::fs::read_to_string(&path).map_err(Error::io(format!("read `{path}`")))
    }

    /// The CPU time that its process has used, user and system.
    pub(crate) fn cpu_time(&self) -> Result<Duration, Error> {
        let stat = self.proc("stat")?;
        // The second field is a name in parentheses and may hold anything;
        // `utime` and `stime` are the 14th and 15th.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        let seconds = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        Ok(Duration::from_secs_f64(seconds))
    }

    /// Its process id, if it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        let mut process = self.process();
        let process = process.as_mut()?;
        process.ended().is_none().then(|| process.id())
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read(&self.launch.log)
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of the log, for an error.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// The error of a filter that refused the configuration it began with.
    pub(crate) fn refused(&self, resource: &str) -> Error {
        Error::Refused {
            who: self.who.clone(),
            resource: resource.to_owned(),
            log: self.last_words(),
        }
    }

    /// The access log's whole lines.
    pub(crate) fn access_log(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(&self.access_log).unwrap_or_default();
        log.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    pub(crate) async fn ask(&self, method: Method, path: &str) -> Result<String, Error> {
        let why = match admin::ask(self.admin, method, path).await {
            Ok((200, text)) => return Ok(text),
            Ok((status, text)) => format!("{status} {text}"),
            Err(why) => why,
        };
        Err(Error::Admin {
            who: self.who.clone(),
            path: path.to_owned(),
            why,
        })
    }

    /// Waits until it takes requests; `with_listener: false` until it can be
    /// asked. An Envoy that waits for a filter has an admin interface, but no
    /// open listener.
    pub(crate) async fn ready(&self, limit: Duration, with_listener: bool) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let state = match admin::ask(self.admin, Method::GET, "/ready").await {
                Ok((200, _)) if !with_listener => return Ok(()),
                Ok((200, _)) => match TcpStream::connect(self.listener).await {
                    Ok(_) => return Ok(()),
                    Err(error) => format!("its listener: {error}"),
                },
                Ok(_) if !with_listener => return Ok(()),
                Ok((_, state)) => state.trim().to_owned(),
                Err(why) => format!("its admin interface: {why}"),
            };
            let ended = match self.process().as_mut() {
                Some(process) => process.ended(),
                None => Some("a kill".to_owned()),
            };
            if let Some(status) = ended {
                return Err(Error::Exited {
                    who: self.who.clone(),
                    status,
                    log: self.last_words(),
                });
            }
            if start.elapsed() > limit {
                return Err(Error::NotReady {
                    who: self.who.clone(),
                    waited: limit,
                    state,
                    log: self.last_words(),
                });
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}
