//! Addresses. A mesh takes a block `127.A.B.0/24` of the loopback network for
//! itself and gives every cluster one address with fixed ports, so that
//! `destination.port` and source addresses mean in a policy what they mean in
//! production, and many meshes run side by side.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::SystemTime;

use crate::Error;

/// The port of the service, where the server sidecar listens.
pub const SERVICE_PORT: u16 = 8080;
/// The port where the client sidecar listens.
pub const OUTBOUND_PORT: u16 = 15001;
/// The admin port of the server sidecar.
pub const SERVER_ADMIN_PORT: u16 = 15000;
/// The admin port of the client sidecar.
pub const CLIENT_ADMIN_PORT: u16 = 15010;
/// The port where the gateway listens.
pub const GATEWAY_PORT: u16 = 8443;
/// The admin port of the gateway.
pub const GATEWAY_ADMIN_PORT: u16 = 15020;
/// The port of the echo upstream.
pub const UPSTREAM_PORT: u16 = 9080;

/// The last part of the first cluster's address.
const FIRST: u8 = 11;

/// A cluster's address, with the upstream's port already taken: holding that
/// port is what keeps another mesh off the block.
pub(crate) struct Claim {
    pub(crate) ip: IpAddr,
    pub(crate) upstream: TcpListener,
}

/// The addresses of one Envoy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// What its node is known by.
    pub(crate) ip: IpAddr,
    /// Where it listens.
    pub(crate) listen: IpAddr,
    /// Where it finds what stands beside it: the service, its own admin interface.
    pub(crate) beside: IpAddr,
    /// What its own connections come from; none leaves that to the routes.
    pub(crate) source: Option<IpAddr>,
}

impl Place {
    /// An address of a block: it tells a cluster from the others, whichever way is looked.
    pub(crate) fn alone(ip: IpAddr) -> Self {
        Self {
            ip,
            listen: ip,
            beside: ip,
            source: Some(ip),
        }
    }

    /// A network of its own, shared with its workload, as in a pod; it may be on several networks.
    pub(crate) fn pod(ip: IpAddr) -> Self {
        Self {
            ip,
            listen: Ipv4Addr::UNSPECIFIED.into(),
            beside: Ipv4Addr::LOCALHOST.into(),
            source: None,
        }
    }
}

/// How far apart the addresses of one cluster's endpoints are, and so the most clusters
/// of a mesh in which a cluster has several.
const ENDPOINT_STRIDE: u8 = 20;

/// The address of a cluster's endpoint: that of the cluster for 0, and further ones of
/// its block for the others, up to 11. The block is the mesh's already.
pub(crate) fn endpoint(cluster: IpAddr, number: u32) -> Result<IpAddr, Error> {
    if number == 0 {
        return Ok(cluster);
    }
    let IpAddr::V4(cluster) = cluster else {
        return Err(Error::NoAddresses);
    };
    let [a, b, c, last] = cluster.octets();
    let number = u8::try_from(number).ok();
    let offset = number.and_then(|number| number.checked_mul(ENDPOINT_STRIDE));
    let own = last < FIRST + ENDPOINT_STRIDE;
    let last = offset.and_then(|offset| last.checked_add(offset));
    match last.filter(|last| own && *last < u8::MAX) {
        Some(last) => Ok(Ipv4Addr::new(a, b, c, last).into()),
        None => Err(Error::NoAddresses),
    }
}

/// Takes a free block and returns an address for each of `count` clusters: `.11`, `.12`, ….
pub(crate) fn claim(count: usize) -> Result<Vec<Claim>, Error> {
    for attempt in 0..64 {
        let seed = RandomState::new()
            .hash_one((std::process::id(), SystemTime::now(), attempt))
            .to_le_bytes();
        // 127.0.0.0/8 below .16 is where people put things by hand.
        let block = (16 + seed[0] % 235, seed[1]);
        let claims: Option<Vec<_>> = (0..count).map(|n| try_address(block, n)).collect();
        if let Some(claims) = claims {
            return Ok(claims);
        }
    }
    Err(Error::NoAddresses)
}

fn try_address((a, b): (u8, u8), index: usize) -> Option<Claim> {
    let last = u8::try_from(index + usize::from(FIRST)).ok()?;
    let ip = IpAddr::V4(Ipv4Addr::new(127, a, b, last));
    for port in [
        SERVICE_PORT,
        OUTBOUND_PORT,
        SERVER_ADMIN_PORT,
        CLIENT_ADMIN_PORT,
        GATEWAY_PORT,
        GATEWAY_ADMIN_PORT,
    ] {
        TcpListener::bind(SocketAddr::new(ip, port)).ok()?;
    }
    let upstream = TcpListener::bind(SocketAddr::new(ip, UPSTREAM_PORT)).ok()?;
    upstream.set_nonblocking(true).ok()?;
    Some(Claim { ip, upstream })
}
