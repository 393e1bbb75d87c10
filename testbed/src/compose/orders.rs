//! `shop/orders` of a cluster, by itself: what a server sidecar stands before.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::runtime::Handle;

use crate::net::UPSTREAM_PORT;
use crate::{Error, Upstream};

/// Serves as the `orders` of this cluster on the service's own port, as long as what is returned
/// lives. Only the sidecar beside it is answered: nothing else is on the loopback interface.
pub fn orders(cluster: &str) -> Result<Upstream, Error> {
    let at = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), UPSTREAM_PORT);
    let listener = std::net::TcpListener::bind(at).map_err(Error::io(format!("listen at {at}")))?;
    listener
        .set_nonblocking(true)
        .map_err(Error::io("set a socket's mode"))?;
    Upstream::start(cluster, listener, Handle::current())
}
