//! Which address each part of the mesh has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use crate::ClusterSpec;
use crate::net::{OUTBOUND_PORT, SERVICE_PORT};

/// Addresses, all below one prefix of 16 bits: the third part is the region's, the last the pod's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    prefix: [u8; 2],
}

/// Not the first half of an IPv4 address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the first half of an IPv4 address, such as `10.189`")]
pub struct BadSubnet(String);

impl FromStr for Layout {
    type Err = BadSubnet;

    fn from_str(text: &str) -> Result<Self, BadSubnet> {
        let whole: Result<Ipv4Addr, _> = format!("{text}.0.0").parse();
        let [a, b, ..] = whole.map_err(|_| BadSubnet(text.to_owned()))?.octets();
        Ok(Self { prefix: [a, b] })
    }
}

impl Default for Layout {
    /// What `compose.yaml` has where `LANDBRIDGE_SUBNET` says nothing else.
    fn default() -> Self {
        Self { prefix: [10, 189] }
    }
}

impl Layout {
    /// The clusters.
    pub fn clusters() -> Vec<ClusterSpec> {
        ClusterSpec::default_mesh()
    }

    /// Where the server sidecar of a cluster's `orders` takes requests: in its region's network,
    /// and nowhere else.
    pub fn orders(&self, cluster: &ClusterSpec) -> SocketAddr {
        SocketAddr::new(self.address(cluster, 10), SERVICE_PORT)
    }

    /// The address of a cluster's `frontend` in the network of its own region; it is in those of
    /// the other regions, too.
    pub fn frontend(&self, cluster: &ClusterSpec) -> IpAddr {
        self.address(cluster, 20)
    }

    /// Where the client sidecar of a cluster's `frontend` is asked, by name, within the mesh.
    pub fn sidecar(cluster: &ClusterSpec) -> String {
        format!("{}-frontend:{OUTBOUND_PORT}", cluster.name)
    }

    fn address(self, cluster: &ClusterSpec, kind: u8) -> IpAddr {
        let [a, b] = self.prefix;
        let region = match cluster.region.as_str() {
            "us-east-1" => 1,
            _ => 2,
        };
        let number = Self::clusters().iter().position(|it| it == cluster);
        let number = number.and_then(|number| u8::try_from(number).ok());
        let last = kind + number.expect("it is one of the three") + 1;
        Ipv4Addr::new(a, b, region, last).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = include_str!("../../compose.yaml");

    #[test]
    fn compose_has_the_same_addresses() {
        let layout = Layout::default();
        let [a, b] = layout.prefix;
        let prefix = format!("{a}.{b}.");
        for cluster in Layout::clusters() {
            let addresses = [layout.orders(&cluster).ip(), layout.frontend(&cluster)];
            for address in addresses {
                let address = address.to_string();
                let rest = address.strip_prefix(&prefix).expect("it has the prefix");
                let wanted =
                    format!("{{ipv4_address: \"${{LANDBRIDGE_SUBNET:-{a}.{b}}}.{rest}\"}}");
                let found = COMPOSE.matches(&wanted).count();
                assert_eq!(found, 1, "compose.yaml has `{wanted}` {found} times");
            }
        }
    }

    #[test]
    fn half_an_address_is_wanted() {
        let layout: Layout = "172.30".parse().expect("half an address");
        let first = &Layout::clusters()[0];
        assert_eq!(layout.orders(first).to_string(), "172.30.1.11:8080");
        for bad in ["", "10", "10.189.1", "10.300", "ten.one", "10.189."] {
            assert!(bad.parse::<Layout>().is_err(), "{bad}");
        }
    }
}
