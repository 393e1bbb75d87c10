//! One match against one attribute.

use crate::Truth;
use crate::facts::Facts;
use crate::mesh_index::{ClusterSet, Where};
use crate::policy_set::Clause;
use crate::text_set::TextSet;
use landbridge_model::IpNet;
use std::time::Duration;

/// What of a request is looked at, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Text {
    Principal,
    TrustDomain,
    Namespace,
    /// `<namespace>/sa/<name>`, as in a SPIFFE ID of Istio's form.
    Account,
    /// The host of the authority, by itself.
    Host,
    /// The authority as it came, in lower case.
    Authority,
    Method,
    Path,
    /// `package.Service/Method`.
    Grpc,
    /// A header, by its slot in the plan.
    Header(u16),
    /// What a filter keeps, by its slot in the plan, and whether as text or as a list.
    Kept(u16, Kept),
    Sni,
    /// The host of the service that a waypoint found a request to be for.
    Service,
    /// The whole URI of the peer's certificate, whoever the peer speaks for, and which field of a
    /// document looks at it.
    PeerUri(Field),
    /// Its trust domain.
    PeerTrustDomain,
    /// Its segments behind one that is `ns`: looked up, and never a match by itself.
    PeerNamespace,
}

/// A field of Istio's that is matched against a whole URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    Principals,
    Namespaces,
    ServiceAccounts,
}

/// What kept metadata is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kept {
    Text,
    List,
    Either,
}

/// Of which end an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum End {
    /// Where the connection came from.
    Source,
    /// The client, as forwarded.
    Remote,
    /// Where the connection came to.
    Destination,
}

/// In what form it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Form {
    /// As one of IPv4 where it is one in the clothes of IPv6 (RFC 4291, section 2.5.5.2).
    Plain,
    /// As Envoy has it.
    AsItCame,
}

/// An address that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Side(pub(crate) End, pub(crate) Form);

/// What a match of several alternatives is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alternatives {
    RequestPrincipals,
    DataClasses,
    /// What a filter keeps, as text or in a list.
    Metadata,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// The caller's cluster is one of these.
    Clusters(Where, ClusterSet),
    /// A text is one of these.
    Text(Text, TextSet),
    /// The port is one of these.
    Ports(Box<[u16]>),
    /// An address is in one of these.
    Addresses(Side, Box<[IpNet]>),
    /// Any of these holds; what is looked for is told by the second.
    Any(Alternatives, Box<[Clause]>, Box<str>),
    /// It is not yet, or no longer, too late.
    Time(Option<Duration>, Option<Duration>),
}

/// A match, or its `not…` twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) matcher: Matcher,
    pub(crate) negated: bool,
    /// What the match is where what it asks for cannot be known: [`Truth::Unknown`], but
    /// [`Truth::No`] where Istio's meaning is kept.
    pub(crate) unknown: Truth,
}

impl Test {
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Truth {
        let truth = match &self.matcher {
            Matcher::Clusters(_, set) => set.contains(facts.caller.cluster()),
            Matcher::Text(text, set) => match facts.text(*text) {
                Known::Text(value) => set.matches(value).into(),
                Known::Several(values) => values.iter().any(|value| set.matches(value)).into(),
                Known::Perhaps(value) => match set.matches(value) {
                    true => self.unknown,
                    false => Truth::No,
                },
                Known::Absent => Truth::No,
                Known::Not => self.unknown,
            },
            Matcher::Ports(set) => match facts.port {
                Some(port) => set.contains(&port).into(),
                None => Truth::Unknown,
            },
            Matcher::Addresses(side, blocks) => match facts.address(*side) {
                Some(address) => blocks.iter().any(|block| block.contains(&address)).into(),
                None => Truth::Unknown,
            },
            Matcher::Any(_, clauses, _) => {
                Truth::any(clauses.iter().map(|clause| clause.holds(facts)))
            }
            Matcher::Time(from, until) => match facts.now {
                Some(now) => (from.is_none_or(|from| from <= now)
                    && until.is_none_or(|until| now < until))
                .into(),
                None => Truth::Unknown,
            },
        };
        if self.negated { !truth } else { truth }
    }
}

/// What is known of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known<'a> {
    /// This.
    Text(&'a str),
    /// Each of these.
    Several(Several<'a>),
    /// This, to some, and to others that it is not there.
    Perhaps(&'a str),
    /// That it is not there, as a header may not be.
    Absent,
    /// Nothing.
    Not,
}

/// Texts of which any may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Several<'a> {
    Borrowed(&'a [&'a str]),
    Owned(&'a [String]),
}

impl<'a> Several<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        let (borrowed, owned): (&[&str], &[String]) = match self {
            Self::Borrowed(texts) => (texts, &[]),
            Self::Owned(texts) => (&[], texts),
        };
        borrowed
            .iter()
            .copied()
            .chain(owned.iter().map(String::as_str))
    }
}
