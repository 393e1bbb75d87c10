//! What requests have in common that are counted together.

use crate::condition::ConditionKey;
use crate::text_value::text_values;
use std::fmt;

/// A part of a limit's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// The caller's cluster, as its certificate proves it.
    SourceCluster,
    /// The region of the caller's cluster.
    SourceRegion,
    /// The caller's SPIFFE ID without `spiffe://`.
    SourcePrincipal,
    /// The caller's namespace.
    SourceNamespace,
    /// The method.
    Method,
    /// The pattern of the limit's `paths` that the path matches.
    Path,
    /// The host of `:authority`.
    Host,
    /// A request header, its name in lower case.
    Header(String),
    /// A claim of the request's token, by its path.
    Claim(Vec<String>),
}

const KEYS: [(&str, LimitKey); 7] = [
    ("source.cluster", LimitKey::SourceCluster),
    ("source.region", LimitKey::SourceRegion),
    ("source.principal", LimitKey::SourcePrincipal),
    ("source.namespace", LimitKey::SourceNamespace),
    ("request.method", LimitKey::Method),
    ("request.path", LimitKey::Path),
    ("request.host", LimitKey::Host),
];

impl LimitKey {
    /// Reads one; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        if let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == s) {
            return Some(key.clone());
        }
        match ConditionKey::parse(s).ok()? {
            ConditionKey::Header(name) => Some(Self::Header(name)),
            ConditionKey::Claim(path) => Some(Self::Claim(path)),
            _ => None,
        }
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "request.headers[{name}]"),
            Self::Claim(path) => write!(f, "request.auth.claims[{}]", path.join("][")),
            named => {
                let known = KEYS.iter().find(|(_, key)| key == named);
                f.write_str(known.map_or("", |(name, _)| name))
            }
        }
    }
}

text_values! {
    LimitKey: Self::parse,
        "is not what requests can be counted by",
        "there is `source.cluster`, `source.region`, `source.principal`, `source.namespace`, `request.method`, `request.path`, `request.host`, `request.headers[name]` and `request.auth.claims[name]`",
        {
            "description": "`source.cluster`, `source.region`, `source.principal`, `source.namespace`, `request.method`, `request.path`, `request.host`, `request.headers[name]` or `request.auth.claims[name]`.",
            "type": "string",
            "pattern": r"^(source\.(cluster|region|principal|namespace)|request\.(method|path|host)|request\.headers\[[^\]]+\]|request\.auth\.(audiences|presenter|claims(\[[^\[\]]+\])+))$"
        };
}

#[cfg(test)]
mod tests {
    use super::LimitKey;

    #[test]
    fn keys_print_as_they_were_written() {
        for text in [
            "source.cluster",
            "request.path",
            "request.headers[x-user]",
            "request.auth.claims[a][b]",
        ] {
            let parsed = LimitKey::parse(text);
            assert_eq!(parsed.map(|key| key.to_string()).as_deref(), Some(text));
        }
        for wrong in [
            "source.ip",
            "cluster",
            "request.headers[]",
            "request.headers[x-landbridge-a]",
        ] {
            assert_eq!(LimitKey::parse(wrong), None, "{wrong}");
        }
    }
}
