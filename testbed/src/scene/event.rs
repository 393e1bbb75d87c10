//! What happens in a scene.

use std::time::Duration;

use super::HOME;
use crate::{Error, Mesh, Side};

/// What happens to the service in [`HOME`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// Its Envoy and its upstream are killed.
    Dies,
    /// They start again.
    Returns,
    /// The whole cluster is gone, its callers and their Envoy with it.
    Vanishes,
    /// Its upstream is killed; its Envoy lives on, and answers 503.
    LosesService,
    /// Its Envoy stands still: it neither answers nor closes.
    #[cfg(unix)]
    Hangs,
    /// This share of its answers, in percent, is 503.
    Errors(f64),
    /// Its answers take so long.
    Slow(Duration),
    /// It is cold: it answers a tenth of `full` requests a second until its first request, from
    /// then on more and more, and all of them after `warm`. Beyond that it answers 503.
    Cold {
        /// Requests a second.
        full: f64,
        /// How long it takes.
        warm: Duration,
    },
}

impl Event {
    pub(super) async fn happen(self, mesh: &Mesh) -> Result<(), Error> {
        let upstream = mesh.upstream(HOME);
        match self {
            Self::Dies => {
                mesh.kill(HOME, Side::Server)?;
                upstream.kill();
            }
            Self::Returns => {
                upstream.restart().await?;
                mesh.restart(HOME, Side::Server).await?;
            }
            Self::Vanishes => mesh.kill_cluster(HOME)?,
            Self::LosesService => upstream.kill(),
            #[cfg(unix)]
            Self::Hangs => mesh.freeze(HOME, Side::Server)?,
            Self::Errors(percent) => upstream.set_error_share(percent, 503),
            Self::Slow(delay) => upstream.set_delay(delay),
            Self::Cold { full, warm } => upstream.set_cold(full, warm),
        }
        Ok(())
    }
}
