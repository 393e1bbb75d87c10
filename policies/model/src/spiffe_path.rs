//! Templates of SPIFFE paths, for meshes whose IDs name the cluster.

use crate::text_value::text_values;

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Just this.
    Literal(String),
    /// `{cluster}`: the name of the cluster whose template it is.
    Cluster,
    /// `{ns}`: the namespace.
    Namespace,
    /// `{sa}`: the service account.
    ServiceAccount,
    /// `{anything else}`.
    Any,
}

/// A template such as `/cluster/{cluster}/ns/{ns}/sa/{sa}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpiffePath(Vec<Segment>);

impl SpiffePath {
    /// Reads one; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        let segments: Option<Vec<Segment>> = s.strip_prefix('/')?.split('/').map(segment).collect();
        segments.map(Self)
    }

    /// The segments.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether an ID could meet this template of one cluster and that of another.
    pub fn overlaps(&self, own: &str, other: &Self, others: &str) -> bool {
        let fixed = |segment: &Segment, cluster: &str| match segment {
            Segment::Literal(s) => Some(s.clone()),
            Segment::Cluster => Some(cluster.to_owned()),
            Segment::Namespace | Segment::ServiceAccount | Segment::Any => None,
        };
        self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(a, b)| match (fixed(a, own), fixed(b, others)) {
                    (Some(a), Some(b)) => a == b,
                    _ => true,
                })
    }
}

fn segment(s: &str) -> Option<Segment> {
    let plain = |s: &str| {
        !s.is_empty()
            && s.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
    };
    match s.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
        Some("cluster") => Some(Segment::Cluster),
        Some("ns") => Some(Segment::Namespace),
        Some("sa") => Some(Segment::ServiceAccount),
        Some(name) => plain(name).then_some(Segment::Any),
        None => plain(s).then(|| Segment::Literal(s.to_owned())),
    }
}

text_values! {
    SpiffePath: Self::parse,
        "is not a template of SPIFFE paths",
        "write segments or `{name}`s behind slashes, e.g. `/cluster/{cluster}/ns/{ns}/sa/{sa}`",
        {
            "description": "A template such as `/cluster/{cluster}/ns/{ns}/sa/{sa}`.",
            "type": "string",
            "pattern": r"^(/([A-Za-z0-9._-]+|\{[A-Za-z0-9._-]+\}))+$"
        };
}
