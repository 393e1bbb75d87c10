//! The host that a request is for.

use super::Rejection;
use crate::bytes::Kind;
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
    let cut = match authority.strip_prefix('[') {
        Some(behind) => address_of(behind),
        None => name_of(authority),
    };
    match cut {
        Some((host, port)) if is_port(port) => Ok(host),
        _ => {
            let detail = "`:authority` is not a host, or a host and a port";
            Err(Rejection::new(Reason::MalformedHeader, detail))
        }
    }
}

/// The address of what stands behind a `[`, and what is behind it.
fn address_of(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (address, port) = text.split_once(']')?;
    let address = folded(address);
    is_shortest_ipv6(&address).then(|| (Cow::Owned(format!("[{address}]")), port))
}

/// The name that a text begins with, and what is behind it.
fn name_of(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut before = Kind::Dot;
    let mut end = text.len();
    for (at, b) in text.bytes().enumerate() {
        let kind = Kind::of(b);
        match kind {
            Kind::Name | Kind::Capital => {}
            // An empty label.
            Kind::Dot if before == Kind::Dot => return None,
            Kind::Dot => {}
            Kind::Slash | Kind::Other => {
                end = at;
                break;
            }
        }
        before = kind;
    }
    let (name, port) = text.split_at_checked(end)?;
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty()).then(|| (folded(name), port))
}

fn is_port(text: &str) -> bool {
    let are_digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    text.is_empty() || text.strip_prefix(':').is_some_and(are_digits)
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
