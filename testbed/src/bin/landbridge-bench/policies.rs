//! The policies that both sides enforce, and what they mean, told once more as
//! plainly as possible: neither Envoy's RBAC nor Landbridge is its own judge.

use landbridge_testbed::Workload;

/// What of a request is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    Principal,
    Namespace,
    Host,
    Method,
    Path,
}

/// How a text is matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    Exact(String),
    Prefix(String),
    Suffix(String),
}

/// One of the patterns matches, or, negated, none does.
#[derive(Debug, Clone)]
pub struct Test {
    pub attribute: Attribute,
    pub any_of: Vec<Pattern>,
    pub negated: bool,
}

/// All tests hold.
#[derive(Debug, Clone)]
pub struct Rule(pub Vec<Test>);

/// One of the rules matches: then the request is let through.
#[derive(Debug, Clone)]
pub struct Policy(pub Vec<Rule>);

/// A request by a caller with a certificate.
#[derive(Debug, Clone)]
pub struct Request {
    pub caller: Workload,
    pub method: String,
    pub host: String,
    /// Without a query.
    pub path: String,
    /// With its `?`; no policy looks at it.
    pub query: &'static str,
}

impl Attribute {
    /// Whether it is the caller's, not the operation's.
    pub fn is_source(self) -> bool {
        matches!(self, Self::Principal | Self::Namespace)
    }
}

impl Pattern {
    pub fn literal(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) | Self::Suffix(text) => text,
        }
    }

    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => value == text,
            Self::Prefix(text) => value.starts_with(text.as_str()),
            Self::Suffix(text) => value.ends_with(text.as_str()),
        }
    }
}

impl Policy {
    pub fn allows(&self, request: &Request) -> bool {
        self.0
            .iter()
            .any(|rule| rule.0.iter().all(|test| test.holds(request)))
    }
}

impl Test {
    fn holds(&self, request: &Request) -> bool {
        let principal = principal(&request.caller);
        let value = match self.attribute {
            Attribute::Principal => &principal,
            Attribute::Namespace => &request.caller.namespace,
            Attribute::Host => &request.host,
            Attribute::Method => &request.method,
            Attribute::Path => &request.path,
        };
        self.any_of.iter().any(|pattern| pattern.matches(value)) != self.negated
    }
}

impl Request {
    /// As it goes over the connection.
    pub fn bytes(&self) -> Vec<u8> {
        let Self {
            method,
            host,
            path,
            query,
            ..
        } = self;
        format!(
            "{method} {path}{query} HTTP/1.1\r\nhost: {host}\r\nuser-agent: landbridge-bench\r\naccept: */*\r\n\r\n"
        )
        .into_bytes()
    }
}

/// The trust domain of a cluster of the testbed.
pub fn trust_domain(cluster: &str) -> String {
    format!("{cluster}.mesh.example")
}

/// A SPIFFE id without `spiffe://`.
pub fn principal(caller: &Workload) -> String {
    let Workload {
        cluster,
        namespace,
        service_account,
    } = caller;
    let domain = trust_domain(cluster);
    format!("{domain}/ns/{namespace}/sa/{service_account}")
}
