//! A mesh that runs: how its manifests are changed.

use std::path::PathBuf;
use std::time::Duration;

use super::{Resources, Sent};
use crate::assembly::Assembly;
use crate::envoy::Trust;
use crate::folder::Folder;
use crate::mesh::Mesh;
use crate::observe::eventually;
use crate::{Builder, Delivery, Error, Side};

/// What its proxies were made with.
pub(crate) struct Plan {
    pub(crate) wish: Builder,
    pub(crate) folder: Folder,
    pub(crate) trust: Trust,
    pub(crate) envoy: PathBuf,
}

impl Mesh {
    /// Replaces the manifests of a cluster, as `kubectl apply --prune` would. It returns when all is
    /// written of which [`wait_sent`](Self::wait_sent) then tells what Envoy made of it.
    pub async fn deliver(
        &self,
        cluster: &str,
        manifests: impl ToString,
    ) -> Result<Vec<Sent>, Error> {
        let site = self.site(cluster)?;
        let plan = self.plan.as_ref();
        let plan = plan.ok_or_else(|| Error::NoManifests(cluster.to_owned()))?;
        let assembly = Assembly {
            wish: &plan.wish,
            mesh: self,
            folder: &plan.folder,
            trust: &plan.trust,
            envoy: &plan.envoy,
        };
        let control = assembly.control(&manifests.to_string())?;
        let mut sent = Vec::new();
        for delivered in &site.delivered {
            sent.extend(assembly.send(site, delivered, &control).await?);
        }
        Ok(sent)
    }

    /// Waits until Envoy has taken or refused what it was sent, which must be the last of its kind.
    pub async fn wait_sent(&self, sent: &Sent, limit: Duration) -> Result<Delivery, Error> {
        let Sent { cluster, side, .. } = sent;
        let site = self.site(cluster)?;
        let of = |one: &&super::Delivered| one.side == *side;
        let delivered = site.delivered.iter().find(of);
        let delivered = delivered.ok_or_else(|| Error::NoManifests(cluster.clone()))?;
        let path = match sent.what {
            Resources::Plugin(_) => "/stats?filter=extension_config_discovery",
            _ => "/stats?filter=cds|lds",
        };
        let what = format!("{:?} of {}", sent.what, side.of(cluster));
        eventually(limit, &what, async || {
            delivered.judged(sent, &self.admin(cluster, *side, path).await.ok()?)
        })
        .await
    }

    /// Waits until all of it is in force; what was refused is an error.
    pub async fn wait_delivered(&self, sent: &[Sent], limit: Duration) -> Result<(), Error> {
        for one in sent {
            if self.wait_sent(one, limit).await? == Delivery::Rejected {
                let proxy = self.proxy(&one.cluster, one.side)?;
                return Err(proxy.refused(&format!("{:?}", one.what)));
            }
        }
        Ok(())
    }

    /// A new Envoy will read the newest versions only.
    pub(crate) fn restarted(&self, cluster: &str, side: Side) -> Result<(), Error> {
        let delivered = self.site(cluster)?.delivered.iter();
        delivered
            .filter(|one| one.side == side)
            .for_each(super::Delivered::restarted);
        Ok(())
    }
}
