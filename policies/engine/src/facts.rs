//! What is known of one request, after its hygiene.

use crate::caller::{Caller, Certificate};
use crate::decision::Reason;
use crate::matcher::{Known, Text};
use crate::path::normalize;
use crate::policy_set::PolicySet;
use std::borrow::Cow;

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
                        None => continue,
                    }
                }
            };
            if slot.replace(readable(name, value)?).is_some() {
                return Err(duplicate(name));
            }
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
    std::str::from_utf8(value)
        .map_err(|_| Rejection::new(Reason::MalformedHeader, format!("`{name}` is not UTF-8")))
}

/// The host of an authority: lower case, without port and without the dot of a fully qualified
/// name. User information is refused (RFC 9110, section 4.2.4).
fn host_of(authority: &str) -> Result<Cow<'_, str>, Rejection> {
    if authority.contains('@') {
        let detail = "`:authority` has user information";
        return Err(Rejection::new(Reason::MalformedHeader, detail));
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => authority,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    Ok(if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    })
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
            ("[::1]", "[::1]"),
            ("[::1]:8080", "[::1]"),
            ("::1", "::1"),
            ("orders.shop:http", "orders.shop:http"),
        ];
        for (authority, host) in cases {
            assert_eq!(host_of(authority).as_deref(), Ok(host), "{authority}");
        }
        assert!(host_of("orders.shop@evil.example").is_err());
    }
}
