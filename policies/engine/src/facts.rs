//! What is known of one request, after its hygiene.

use crate::caller::{Caller, Certificate};
use crate::decision::Reason;
use crate::matcher::{Known, Text};
use crate::path::normalize;
use crate::policy_set::PolicySet;
use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The most headers that are looked through. Envoy's own default limit is 100.
const MOST_HEADERS: usize = 1000;
/// The longest value of a header that a policy reads.
const LONGEST_VALUE: usize = 8192;

/// A request as a host gives it, untrusted.
#[derive(Clone, Copy, Debug)]
pub struct RawRequest<'a> {
    /// All headers, pseudo-headers too, names in lower case.
    pub headers: &'a [(String, Vec<u8>)],
    /// The first URI of the client's validated certificate.
    pub certificate_uri: Option<&'a [u8]>,
    /// The distinguished name of that certificate's issuer, where the plan asks for it.
    pub certificate_issuer: Option<&'a [u8]>,
    /// The port it arrived at, where the plan asks for it.
    pub port: Option<u16>,
}

/// Why a request is not even judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason code.
    pub reason: Reason,
    /// What was wrong, for a log: it never quotes the request.
    pub detail: String,
}

impl Rejection {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

/// What is known of one request.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub(crate) caller: Caller<'a>,
    pub(crate) port: Option<u16>,
    host: Option<Cow<'a, str>>,
    method: Option<&'a str>,
    path: Option<Cow<'a, str>>,
    headers: Vec<Option<&'a str>>,
}

impl<'a> RawRequest<'a> {
    /// What is said of the certificate, as far as it is text.
    pub(crate) fn certificate(&self) -> Certificate<'a> {
        let text = |bytes: Option<&'a [u8]>| bytes.and_then(|b| std::str::from_utf8(b).ok());
        Certificate {
            uri: text(self.certificate_uri),
            issuer: text(self.certificate_issuer),
        }
    }
}

impl<'a> Facts<'a> {
    /// Checks a request's hygiene and takes from it what the policy set's plan asks for.
    pub fn new(raw: RawRequest<'a>, set: &PolicySet) -> Result<Self, Rejection> {
        if raw.headers.len() > MOST_HEADERS {
            let detail = format!("more than {MOST_HEADERS} headers");
            return Err(Rejection::new(Reason::TooManyHeaders, detail));
        }
        let plan = set.plan();
        let mut method = None;
        let mut authority = None;
        let mut path = None;
        let mut headers: Vec<Option<&'a str>> = vec![None; plan.headers.len()];
        for (name, value) in raw.headers {
            let slot = match name.as_str() {
                ":method" => &mut method,
                ":authority" => &mut authority,
                ":path" => {
                    if path.replace(value.as_slice()).is_some() {
                        return Err(duplicate(name));
                    }
                    continue;
                }
                name => {
                    let slot = plan.headers.iter().position(|h| **h == *name);
                    match slot.and_then(|slot| headers.get_mut(slot)) {
                        Some(slot) => slot,
                        None if plan.headers.iter().any(|h| are_one_to_cgi(h, name)) => {
                            let detail = "a header that a policy reads, with `_` for `-`";
                            return Err(Rejection::new(Reason::MalformedHeader, detail));
                        }
                        None => continue,
                    }
                }
            };
            if slot.replace(readable(name, value)?).is_some() {
                return Err(duplicate(name));
            }
        }
        // A proxy gives the `Host` of HTTP/1.1 as `:authority`, and only so.
        let host_slot = plan.headers.iter().position(|h| **h == *"host");
        if let Some(slot) = host_slot.and_then(|slot| headers.get_mut(slot)) {
            *slot = authority.or(*slot);
        }
        let path = match path {
            Some(path) => Some(
                normalize(path, set.settings().path_normalization)
                    .map_err(|e| Rejection::new(Reason::MalformedPath, format!("the path {e}")))?,
            ),
            None => None,
        };
        Ok(Self {
            caller: Caller::new(raw.certificate(), set.mesh()),
            port: raw.port,
            host: authority.map(host_of).transpose()?,
            method,
            path,
            headers,
        })
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller<'a> {
        &self.caller
    }

    /// The path to send on, with its query, where normalising changed it.
    pub fn rewritten_path(&self) -> Option<&str> {
        match &self.path {
            Some(Cow::Owned(path)) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn text(&self, text: Text) -> Known<'_> {
        let known = |value: Option<&'a str>| value.map_or(Known::Not, Known::Text);
        match text {
            Text::Principal => known(self.caller.principal()),
            Text::Namespace => known(self.caller.namespace()),
            Text::Account => self.caller.account().map_or(Known::Not, Known::Text),
            Text::Host => self.host.as_deref().map_or(Known::Not, Known::Text),
            Text::Method => known(self.method),
            Text::Path => match self.path.as_deref() {
                Some(path) => Known::Text(path.split_once('?').map_or(path, |(path, _)| path)),
                None => Known::Not,
            },
            Text::Header(slot) => match self.headers.get(usize::from(slot)) {
                Some(Some(value)) => Known::Text(value),
                Some(None) => Known::Absent,
                None => Known::Not,
            },
        }
    }
}

fn duplicate(name: &str) -> Rejection {
    Rejection::new(
        Reason::DuplicateHeader,
        format!("`{name}` is there more than once"),
    )
}

fn readable<'a>(name: &str, value: &'a [u8]) -> Result<&'a str, Rejection> {
    if value.len() > LONGEST_VALUE {
        let detail = format!("`{name}` is longer than {LONGEST_VALUE} bytes");
        return Err(Rejection::new(Reason::MalformedHeader, detail));
    }
    // RFC 9110, section 5.5. HTTP/2 carries space around a value, and whoever sends it on as
    // HTTP/1.1 drops it.
    let is_blank = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
    let is_control = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
    if is_blank(value.first()) || is_blank(value.last()) || value.iter().any(is_control) {
        let detail = format!("`{name}` has space around it or a control character");
        return Err(Rejection::new(Reason::MalformedHeader, detail));
    }
    std::str::from_utf8(value)
        .map_err(|_| Rejection::new(Reason::MalformedHeader, format!("`{name}` is not UTF-8")))
}

/// Whether servers that hand headers on as CGI does (`HTTP_X_ROLE`) take two names for one.
fn are_one_to_cgi(a: &str, b: &str) -> bool {
    let fold = |b: u8| if b == b'_' { b'-' } else { b };
    a.len() == b.len() && a.bytes().map(fold).eq(b.bytes().map(fold))
}

/// The host of an authority: lower case, without port and without the dot of a fully qualified
/// name. What is neither a name nor an IPv6 address in its shortest form, with a port or without,
/// is refused: servers differ in where they cut it. So are two hosts, which Envoy joins by a comma.
fn host_of(authority: &str) -> Result<Cow<'_, str>, Rejection> {
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
    let folded = match host.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    };
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

#[cfg(test)]
mod tests {
    use super::{are_one_to_cgi, host_of, readable};

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

    #[test]
    fn a_value_is_read_as_every_server_reads_it() {
        for value in [&b"a b"[..], b"", b"a\tb", b"a,b"] {
            assert!(readable("x", value).is_ok(), "{value:?}");
        }
        for value in [&b" a"[..], b"a\t", b"a\x0b", b"a\0", b"a\x7f", b"\xff"] {
            assert!(readable("x", value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn names_that_cgi_cannot_tell_apart() {
        assert!(are_one_to_cgi("x-role", "x_role"));
        assert!(are_one_to_cgi("x_a-b", "x-a_b"));
        assert!(!are_one_to_cgi("x-role", "x-role-"));
        assert!(!are_one_to_cgi("x-role", "xxrole"));
    }
}
