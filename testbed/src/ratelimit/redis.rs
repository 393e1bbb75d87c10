//! A Redis of a test's own.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::folder::Folder;
use crate::net::{self, Claim};
use crate::process::{Launch, Process};
use crate::{Error, eventually, tools};

const PORT: u16 = 6379;
const START: Duration = Duration::from_secs(10);

/// A Redis that keeps everything in memory; dropping it ends it.
pub struct Redis {
    address: SocketAddr,
    process: Option<Process>,
    folder: Folder,
    /// Keeps its address from others.
    _claim: Claim,
}

impl Redis {
    /// Starts one for a test of this name. Where there is no `redis-server` there is none, which is
    /// said on the terminal, whether or not the test's own words are shown.
    pub async fn start(name: &str) -> Result<Option<Self>, Error> {
        let Some(program) = tools::redis() else {
            let told = format!(
                "\nSKIPPED: `{name}` needs a Redis, and there is none. Run `cargo xtask redis`, put \
                 `redis-server` on the path, or set `REDIS_SERVER`.\n"
            );
            // Not `eprintln`, which a test that passes is silent with. Who cannot be told is not.
            let _ = std::io::stderr().write_all(told.as_bytes());
            return Ok(None);
        };
        let claim = net::claim(1)?.pop().ok_or(Error::NoAddresses)?;
        let folder = Folder::make(name)?;
        let address = SocketAddr::new(claim.ip, PORT);
        let ip = claim.ip.to_string();
        let port = PORT.to_string();
        let at = folder.0.to_string_lossy();
        let args = [
            "--bind",
            &ip,
            "--port",
            &port,
            "--dir",
            &at,
            "--save",
            "",
            "--daemonize",
            "no",
        ];
        let launch = Launch {
            program,
            args: args.map(str::to_owned).to_vec(),
            log: folder.path("redis.log"),
        };
        let redis = Self {
            address,
            process: Some(Process::start(&launch)?),
            folder,
            _claim: claim,
        };
        let up = async || TcpStream::connect(address).await.ok();
        eventually(START, "a Redis", up).await?;
        Ok(Some(redis))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.process.take());
        self.folder.leave("the log of Redis is", false);
    }
}
