//! Who a request speaks for, by its token: issuer and subject.
//!
//! They are matched apart, as Istio does. Matched as one text, `https://a/b` could be the subject
//! `b` of the issuer `https://a` or the issuer `https://a/b`.

use crate::pattern::Pattern;
use crate::text_value::text_values;
use std::fmt;

/// `issuer/subject`, each a pattern, or `*` for any token. The last `/` separates them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestPrincipal {
    /// The claim `iss`.
    pub issuer: Pattern,
    /// The claim `sub`.
    pub subject: Pattern,
}

impl RequestPrincipal {
    /// Reads one; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        if s == "*" {
            return Some(Self {
                issuer: Pattern::Present,
                subject: Pattern::Present,
            });
        }
        let (issuer, subject) = s.rsplit_once('/')?;
        Some(Self {
            issuer: Pattern::parse(issuer)?,
            subject: Pattern::parse(subject)?,
        })
    }
}

impl fmt::Display for RequestPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.issuer, self.subject)
    }
}

text_values! {
    RequestPrincipal: Self::parse,
        "is not an issuer and a subject",
        "write `issuer/subject`, each `exact`, `prefix*`, `*suffix` or `*`; or `*` for any token",
        {
            "description": "`issuer/subject`, each a pattern, or `*` for any token.",
            "type": "string",
            "pattern": r"^(\*|.+/[^/]+)$"
        };
}
