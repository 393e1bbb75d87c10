//! The host that a request is for.

use super::Rejection;
use crate::decision::Reason;
use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The host of an authority: lower case, without port and without the dot of a fully qualified
/// name. What is neither a name nor an IPv6 address in its shortest form, with a port or without,
/// is refused: servers differ in where they cut it. So are two hosts, which Envoy joins by a comma.
pub(super) fn host_of(authority: &str) -> Result<Cow<'_, str>, Rejection> {
    if authority.is_empty() {
        return Ok(Cow::Borrowed(authority));
    }
    let is_address = authority.starts_with('[');
    let end = if is_address { ']' } else { ':' };
    let mut host = authority.split(end).next().unwrap_or(authority);
    let mut port = authority.strip_prefix(host).unwrap_or_default();
    if is_address {
        host = host.strip_prefix('[').unwrap_or(host);
        port = port.strip_prefix(']').unwrap_or("]");
    } else {
        host = host.strip_suffix('.').unwrap_or(host);
    }
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    let folded = folded(host);
    match (is_port, is_address) {
        (true, true) if is_shortest_ipv6(&folded) => Ok(Cow::Owned(format!("[{folded}]"))),
        (true, false) if is_name(&folded) => Ok(folded),
        _ => {
            let detail = "`:authority` is not a host, or a host and a port";
            Err(Rejection::new(Reason::MalformedHeader, detail))
        }
    }
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        !label.is_empty() && label.bytes().all(is_part)
    };
    host.split('.').all(is_label)
}

/// RFC 5952: of all the forms that an address has, the one that policies name.
fn is_shortest_ipv6(address: &str) -> bool {
    let parsed = address.parse::<Ipv6Addr>();
    parsed.is_ok_and(|parsed| parsed.to_string() == address)
}

/// A text in lower case.
pub(super) fn folded(s: &str) -> Cow<'_, str> {
    match s.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(s.to_ascii_lowercase()),
        false => Cow::Borrowed(s),
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_of_an_authority() {
        let cases = [
            ("orders.shop", "orders.shop"),
            ("Orders.SHOP:8080", "orders.shop"),
            ("orders.shop.", "orders.shop"),
            ("orders.shop.:80", "orders.shop"),
            ("orders.shop:", "orders.shop"),
            ("10.0.0.1:80", "10.0.0.1"),
            ("orders_v2.shop", "orders_v2.shop"),
            ("[::1]", "[::1]"),
            ("[FD00::1]:8080", "[fd00::1]"),
            ("", ""),
        ];
        for (authority, host) in cases {
            assert_eq!(host_of(authority).as_deref(), Ok(host), "{authority}");
        }
    }

    #[test]
    fn what_is_no_authority() {
        let cases = [
            "orders.shop@evil.example",
            "orders.shop:http",
            "orders.shop:80:80",
            "orders.shop,evil.example",
            "orders.shop, evil.example",
            "orders.shop/x",
            "orders%2Eshop",
            "orders..shop",
            "orders.shop..",
            ".shop",
            ".",
            ":80",
            "ｏrders.shop",
            "::1",
            "[::1",
            "[]",
            "[::1]x",
            "[::1]]",
            "[0:0:0:0:0:0:0:1]",
            "[fd00::1%25eth0]",
            "[orders.shop]",
        ];
        for authority in cases {
            assert!(host_of(authority).is_err(), "{authority}");
        }
    }
}
