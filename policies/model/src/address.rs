//! Blocks of IP addresses.

use crate::text_value::text_values;
use ipnet::IpNet;
use std::net::IpAddr;

/// One address, or a block of them in CIDR notation. Bits of an address behind its prefix do not
/// count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpBlock(pub IpNet);

impl IpBlock {
    /// Reads one; `None` where it is neither an address nor a block.
    pub fn parse(s: &str) -> Option<Self> {
        let block = match s.contains('/') {
            true => s.parse::<IpNet>().ok()?,
            false => s.parse::<IpAddr>().ok()?.into(),
        };
        Some(Self(block.trunc()))
    }
}

text_values! {
    IpBlock: Self::parse,
        "is neither an IP address nor a block of them",
        "write `203.0.113.4` or `203.0.113.0/24`",
        {
            "description": "An IP address, or a block of them in CIDR notation.",
            "type": "string",
            "pattern": "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"
        };
}

#[cfg(test)]
mod tests {
    use super::IpBlock;
    use std::net::IpAddr;

    #[test]
    fn addresses_and_blocks() {
        let cases = [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ];
        for (block, address, inside) in cases {
            let IpBlock(block) = IpBlock::parse(block).unwrap();
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(block.contains(&address), inside, "{block} {address}");
        }
    }

    #[test]
    fn what_is_no_block() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.256",
            "10.0.0.0/",
            "/8",
            "*",
            "10.0.0.1:80",
        ] {
            assert_eq!(IpBlock::parse(text), None, "{text}");
        }
    }
}
