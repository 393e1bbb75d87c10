//! What a policy can ask about, and how Envoy is asked for it.
//!
//! Each attribute belongs to one side: to the source, and then Envoy wants it among a policy's
//! principals, or to the operation, and then among its permissions.

use serde_json::{Value, json};

use super::{Unusable, matcher};

/// An attribute; some carry what was written in or behind a key's brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute {
    Principal,
    RequestPrincipal,
    TrustDomain,
    ServiceAccount,
    Namespace,
    RemoteIp,
    SourceIp,
    Audience,
    Presenter,
    Header(String),
    Claim(String),
    Host,
    Method,
    Path,
    Port,
    DestinationIp,
    Sni,
    FilterMetadata(String),
}

/// The two halves of an RBAC policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Operation,
}

impl Attribute {
    /// What a condition's key means; none if istiod knows no such key.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "source.principal" => Self::Principal,
            "source.namespace" => Self::Namespace,
            "source.serviceAccount" => Self::ServiceAccount,
            "source.trustDomain" => Self::TrustDomain,
            "source.ip" => Self::SourceIp,
            "remote.ip" => Self::RemoteIp,
            "request.auth.principal" => Self::RequestPrincipal,
            "request.auth.audiences" => Self::Audience,
            "request.auth.presenter" => Self::Presenter,
            "destination.ip" => Self::DestinationIp,
            "destination.port" => Self::Port,
            "connection.sni" => Self::Sni,
            _ => {
                let rest = |prefix| key.strip_prefix(prefix).map(str::to_owned);
                if let Some(filter) =
                    rest("experimental.").filter(|f| f.starts_with("envoy.filters."))
                {
                    Self::FilterMetadata(filter)
                } else if let Some(name) = rest("request.headers") {
                    Self::Header(name)
                } else if let Some(path) = rest("request.auth.claims") {
                    Self::Claim(path)
                } else {
                    return None;
                }
            }
        })
    }

    pub(super) fn side(&self) -> Side {
        match self {
            Self::Principal
            | Self::RequestPrincipal
            | Self::TrustDomain
            | Self::ServiceAccount
            | Self::Namespace
            | Self::RemoteIp
            | Self::SourceIp
            | Self::Audience
            | Self::Presenter
            | Self::Header(_)
            | Self::Claim(_) => Side::Source,
            Self::Host
            | Self::Method
            | Self::Path
            | Self::Port
            | Self::DestinationIp
            | Self::Sni
            | Self::FilterMetadata(_) => Side::Operation,
        }
    }

    /// One matcher for all the values, where one matcher can say them all.
    pub(super) fn together(&self, values: &[String]) -> Option<Result<Value, Unusable>> {
        let metadata = |metadata| Ok(json!({"metadata": metadata}));
        Some(match self {
            Self::RequestPrincipal => Ok(request_principals(values)),
            Self::Audience => metadata(matcher::claims(&["aud"], values)),
            Self::Presenter => metadata(matcher::claims(&["azp"], values)),
            Self::Claim(path) => match nested_brackets(path) {
                Ok(path) => metadata(matcher::claims(&path, values)),
                Err(unusable) => Err(unusable),
            },
            Self::FilterMetadata(key) => match filter_and_key(key) {
                Ok((filter, key)) => metadata(matcher::filter_metadata(filter, key, values)),
                Err(unusable) => Err(unusable),
            },
            _ => return None,
        })
    }

    /// A matcher for one value, in a policy of this namespace.
    pub(super) fn single(&self, value: &str, namespace: &str) -> Result<Value, Unusable> {
        let authenticated = |name| json!({"authenticated": {"principal_name": name}});
        Ok(match self {
            Self::Principal => authenticated(matcher::principal(value)),
            Self::Namespace => {
                let any = value.replace('*', ".*");
                authenticated(matcher::regex(&format!(".*/ns/{any}/.*")))
            }
            Self::ServiceAccount => {
                let (namespace, account) = value.split_once('/').unwrap_or((namespace, value));
                let regex = format!("spiffe://.+/ns/{namespace}/(.+/|)sa/{account}(/.+)?");
                authenticated(matcher::regex(&regex))
            }
            Self::TrustDomain => {
                let any = value.replace('.', r"\.").replace('*', "[^/]*");
                authenticated(matcher::regex(&format!("spiffe://{any}/.*")))
            }
            Self::SourceIp => json!({"direct_remote_ip": matcher::addresses(value)?}),
            Self::RemoteIp => json!({"remote_ip": matcher::addresses(value)?}),
            Self::Header(name) => json!({"header": matcher::header(in_brackets(name)?, value)}),
            Self::Host => json!({"header": matcher::host(value)}),
            Self::Method => json!({"header": matcher::header(":method", value)}),
            Self::Path => matcher::path(value),
            Self::Port => json!({"destination_port": matcher::port(value)?}),
            Self::DestinationIp => json!({"destination_ip": matcher::addresses(value)?}),
            Self::Sni => json!({"requested_server_name": matcher::string(value)}),
            Self::RequestPrincipal
            | Self::Audience
            | Self::Presenter
            | Self::Claim(_)
            | Self::FilterMetadata(_) => {
                let one = [value.to_owned()];
                self.together(&one).expect("these are matched together")?
            }
        })
    }
}

/// `ISSUER/SUBJECT`; an issuer may have slashes, so that the last one parts them.
fn request_principals(values: &[String]) -> Value {
    let mut all: Vec<Value> = values.iter().map(|v| request_principal(v)).collect();
    match all.len() {
        1 => all.remove(0),
        _ => json!({"or_ids": {"ids": all}}),
    }
}

fn request_principal(value: &str) -> Value {
    let parts = value.rsplit_once('/');
    let (issuer, subject) = match (value.strip_prefix('*'), value.strip_suffix('*'), parts) {
        _ if value == "*" => (matcher::anything(), matcher::anything()),
        (Some(_), _, Some((issuer, subject))) => (matcher::string(issuer), matcher::exact(subject)),
        (Some(end), _, None) => (matcher::anything(), matcher::suffix(end)),
        (_, Some(_), Some((issuer, subject))) => {
            let subject = match subject.strip_suffix('*') {
                Some("") | None => matcher::anything(),
                Some(start) => matcher::prefix(start),
            };
            (matcher::exact(issuer), subject)
        }
        (_, Some(start), None) => (matcher::prefix(start), matcher::anything()),
        (None, None, parts) => {
            let (issuer, subject) = parts.unwrap_or((value, ""));
            (matcher::exact(issuer), matcher::exact(subject))
        }
    };
    json!({"and_ids": {"ids": [
        {"metadata": matcher::claim("iss", &issuer)},
        {"metadata": matcher::claim("sub", &subject)},
    ]}})
}

fn in_brackets(text: &str) -> Result<&str, Unusable> {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.ok_or_else(|| Unusable(format!("`{text}` is not a name in brackets")))
}

/// `[a][b]` is a path; what is not so written is one name, brackets and all.
fn nested_brackets(text: &str) -> Result<Vec<&str>, Unusable> {
    let mut path = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let part = rest
            .strip_prefix('[')
            .and_then(|inner| inner.split_once(']'));
        match part {
            Some((name, more)) if !name.contains('[') => {
                path.push(name);
                rest = more;
            }
            _ => return Ok(vec![in_brackets(text)?]),
        }
    }
    Ok(path)
}

fn filter_and_key(text: &str) -> Result<(&str, &str), Unusable> {
    let parts = text.strip_suffix(']').unwrap_or(text).split_once('[');
    parts.ok_or_else(|| Unusable(format!("`{text}` is not a filter with a key in brackets")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer_and_subject(value: &str) -> (Value, Value) {
        let both = request_principal(value);
        let string =
            |n: usize| both["and_ids"]["ids"][n]["metadata"]["value"]["string_match"].clone();
        (string(0), string(1))
    }

    #[test]
    fn a_request_principal_is_an_issuer_and_a_subject() {
        use matcher::{anything, exact, prefix, suffix};
        let cases = [
            (
                "https://i.example/alice",
                exact("https://i.example"),
                exact("alice"),
            ),
            ("issuer", exact("issuer"), exact("")),
            ("*", anything(), anything()),
            ("*/alice", anything(), exact("alice")),
            ("*.example/alice", suffix(".example"), exact("alice")),
            ("*alice", anything(), suffix("alice")),
            (
                "https://i.example/*",
                exact("https://i.example"),
                anything(),
            ),
            (
                "https://i.example/al*",
                exact("https://i.example"),
                prefix("al"),
            ),
            ("issuer*", prefix("issuer"), anything()),
            ("*/*", anything(), exact("*")),
        ];
        for (value, issuer, subject) in cases {
            assert_eq!(issuer_and_subject(value), (issuer, subject), "{value}");
        }
    }

    #[test]
    fn names_in_brackets() {
        assert_eq!(nested_brackets("[a][b]"), Ok(vec!["a", "b"]));
        assert_eq!(nested_brackets("[a.b/c]"), Ok(vec!["a.b/c"]));
        assert_eq!(nested_brackets("[a[b]]"), Ok(vec!["a[b]"]));
        assert!(nested_brackets("a[b]").is_err());
        assert_eq!(
            filter_and_key("envoy.filters.http.x[k]"),
            Ok(("envoy.filters.http.x", "k"))
        );
    }
}
