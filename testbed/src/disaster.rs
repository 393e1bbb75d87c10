//! A mesh that runs: how a whole cluster is lost, and how a part of it hangs.

use crate::delivery::Delivered;
use crate::envoy::Ecds;
use crate::mesh::Mesh;
use crate::observe::RESTART;
use crate::proxy::Proxy;
use crate::{Error, Side};

impl Mesh {
    /// Takes a cluster away at once, as a loss of power would: its Envoys are killed,
    /// and its upstream is closed with all of its connections.
    pub fn kill_cluster(&self, cluster: &str) -> Result<(), Error> {
        let site = self.site(cluster)?;
        site.proxies().for_each(Proxy::kill);
        site.upstream.kill();
        Ok(())
    }

    /// Starts all of a cluster again, killing first what runs of it, and waits until it takes
    /// requests. Its filters have what was last delivered.
    pub async fn restart_cluster(&self, cluster: &str) -> Result<(), Error> {
        self.kill_cluster(cluster)?;
        let site = self.site(cluster)?;
        site.upstream.restart().await?;
        site.every_filter()
            .map(|(_, ecds)| ecds)
            .for_each(Ecds::restarted);
        site.delivered.iter().for_each(Delivered::restarted);
        for proxy in site.proxies() {
            proxy.start()?;
        }
        for proxy in site.proxies() {
            proxy.ready(RESTART, true).await?;
        }
        Ok(())
    }

    /// Stops an Envoy where it stands: its sockets stay open and nobody answers.
    #[cfg(unix)]
    pub fn freeze(&self, cluster: &str, side: Side) -> Result<(), Error> {
        self.proxy(cluster, side)?.freeze(true)
    }

    /// Lets a [frozen](Self::freeze) Envoy go on.
    #[cfg(unix)]
    pub fn thaw(&self, cluster: &str, side: Side) -> Result<(), Error> {
        self.proxy(cluster, side)?.freeze(false)
    }
}
