//! Which gRPC service and method a request asks for: its path is `/package.Service/Method` (gRPC
//! over HTTP/2, "Requests"). That path alone is looked at, not the content type: a server may take
//! gRPC in other clothes (gRPC-Web, Connect), and a DENY would not see it.

use crate::pattern::Pattern;
use crate::text_value::text_values;
use std::fmt;

/// A pattern of `package.Service/Method`; a service by itself stands for all of its methods.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrpcPattern(pub Pattern);

impl GrpcPattern {
    /// Reads one; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        let pattern = Pattern::parse(s)?;
        let literal = pattern.literal();
        let parts = literal.split('/').count();
        if literal.starts_with('/') && !matches!(pattern, Pattern::Suffix(_)) || parts > 2 {
            return None;
        }
        match pattern {
            Pattern::Exact(service) if parts == 1 => Some(Self(Pattern::Prefix(service + "/"))),
            // `*.Admin` would have to be a middle: the method stands behind it.
            Pattern::Suffix(_) if parts == 1 => None,
            pattern => Some(Self(pattern)),
        }
    }
}

impl fmt::Display for GrpcPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_values! {
    GrpcPattern: Self::parse,
        "is neither a gRPC service nor a method of one",
        "write `package.Service`, `package.Service/Method`, `package.*`, `*/Method` or `*`",
        {
            "description": "`package.Service`, `package.Service/Method`, `package.*`, `*/Method` or `*`.",
            "type": "string",
            "pattern": r"^(\*|[^*/]+\*?|[^*/]+/[^*/]*\*?|\*[^*/]*/[^*/]+)$"
        };
}

#[cfg(test)]
mod tests {
    use super::GrpcPattern;

    #[test]
    fn a_service_stands_for_its_methods() {
        let cases = [
            ("shop.Orders", Some("shop.Orders/*")),
            ("shop.Orders/List", Some("shop.Orders/List")),
            ("shop.Orders/*", Some("shop.Orders/*")),
            ("shop.*", Some("shop.*")),
            ("*/Delete", Some("*/Delete")),
            ("*", Some("*")),
            ("*.Admin", None),
            ("/shop.Orders/List", None),
            ("shop.Orders/List/x", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let parsed = GrpcPattern::parse(text).map(|pattern| pattern.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text}");
        }
    }
}
