//! A mesh that runs: what a test sees of it, and how it takes parts away.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::Value;

use crate::envoy::Ecds;
use crate::mesh::{Mesh, Version};
use crate::{Error, Side, Stats};

/// How long a restarted Envoy may take.
pub(crate) const RESTART: Duration = Duration::from_secs(20);

/// What Envoy made of a delivered configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is in force.
    Accepted,
    /// The filter refused it; what was in force still is.
    Rejected,
}

impl Mesh {
    /// The metrics of a sidecar.
    pub async fn stats(&self, cluster: &str, side: Side) -> Result<Stats, Error> {
        self.admin(cluster, side, "/stats/prometheus")
            .await
            .map(|text| Stats::parse(&text))
    }

    /// `GET path` at a sidecar's admin interface.
    pub async fn admin(&self, cluster: &str, side: Side, path: &str) -> Result<String, Error> {
        self.proxy(cluster, side)?.ask(Method::GET, path).await
    }

    /// `POST path` at a sidecar's admin interface.
    pub async fn admin_post(&self, cluster: &str, side: Side, path: &str) -> Result<String, Error> {
        self.proxy(cluster, side)?.ask(Method::POST, path).await
    }

    /// What a sidecar's access log has so far. It is written every 50 ms: to see
    /// a certain request, [wait for it](eventually).
    pub fn access_log(&self, cluster: &str, side: Side) -> Result<Vec<Value>, Error> {
        Ok(self.proxy(cluster, side)?.access_log())
    }

    /// What a sidecar has logged so far.
    pub fn envoy_log(&self, cluster: &str, side: Side) -> Result<String, Error> {
        Ok(self.proxy(cluster, side)?.log())
    }

    /// Kills a sidecar, as a crash would.
    pub fn kill(&self, cluster: &str, side: Side) -> Result<(), Error> {
        self.proxy(cluster, side)?.kill();
        Ok(())
    }

    /// Starts a sidecar again, killing it first if it runs, and waits until it
    /// takes requests. Its filters have what was last delivered.
    pub async fn restart(&self, cluster: &str, side: Side) -> Result<(), Error> {
        let proxy = self.proxy(cluster, side)?;
        proxy.kill();
        self.site(cluster)?
            .filters(side)
            .iter()
            .for_each(Ecds::restarted);
        self.restarted(cluster, side)?;
        proxy.start()?;
        proxy.ready(RESTART, true).await
    }

    /// Waits until a sidecar takes requests, after a start that did not.
    pub async fn wait_ready(
        &self,
        cluster: &str,
        side: Side,
        limit: Duration,
    ) -> Result<(), Error> {
        self.proxy(cluster, side)?.ready(limit, true).await
    }

    /// Whether a sidecar's process runs.
    pub fn is_alive(&self, cluster: &str, side: Side) -> Result<bool, Error> {
        Ok(self.proxy(cluster, side)?.pid().is_some())
    }

    /// Where a sidecar's admin interface is, for a program that asks it by itself.
    pub fn admin_address(&self, cluster: &str, side: Side) -> Result<std::net::SocketAddr, Error> {
        Ok(self.proxy(cluster, side)?.admin)
    }

    /// A sidecar's process id; none if it does not run.
    pub fn pid(&self, cluster: &str, side: Side) -> Result<Option<u32>, Error> {
        Ok(self.proxy(cluster, side)?.pid())
    }

    /// The CPU time that a sidecar has used, user and system.
    #[cfg(target_os = "linux")]
    pub fn cpu_time(&self, cluster: &str, side: Side) -> Result<Duration, Error> {
        self.proxy(cluster, side)?.cpu_time()
    }

    /// Waits until Envoy has taken or refused a delivery, which must be the
    /// filter's last. The workers follow within milliseconds.
    pub async fn wait_config(&self, version: &Version, limit: Duration) -> Result<Delivery, Error> {
        let Version {
            cluster,
            side,
            resource,
            number,
        } = version;
        let ecds = self.ecds(cluster, *side, resource)?;
        eventually(
            limit,
            &format!("version {number} of `{resource}`"),
            async || {
                let path = "/stats?filter=extension_config_discovery";
                ecds.judged(*number, &self.admin(cluster, *side, path).await.ok()?)
            },
        )
        .await
    }

    /// Waits until a sidecar's metrics are as wished.
    pub async fn wait_stats(
        &self,
        cluster: &str,
        side: Side,
        limit: Duration,
        wish: impl Fn(&Stats) -> bool,
    ) -> Result<Stats, Error> {
        eventually(limit, "metrics", async || {
            self.stats(cluster, side)
                .await
                .ok()
                .filter(|stats| wish(stats))
        })
        .await
    }
}

/// Tries until there is a result, or `limit` is over.
pub async fn eventually<T>(
    limit: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Option<T>,
) -> Result<T, Error> {
    let start = Instant::now();
    loop {
        if let Some(found) = attempt().await {
            return Ok(found);
        }
        if start.elapsed() > limit {
            return Err(Error::Waited {
                what: what.to_owned(),
                waited: limit,
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
