//! The documents that policy authors write, and what is wrong with them.
//!
//! The way of a document: bytes are read into a tree of [`Node`]s ([`yaml`] keeps the line and
//! column of each; JSON in a filter has none), the tree is decoded into typed documents
//! ([`Mesh`], [`Authorization`], Istio's own [`IstioAuthorization`], [`Failover`],
//! [`Shaping`], [`PolicyTest`], [`FilterConfig`]), and [`validate`] checks what
//! no single field can know: that the clusters and regions named exist, that names are unique.
//!
//! A key design decision here is that nothing stops at the first error. Decoding and validation
//! both collect [`Diagnostic`]s, each with a stable [`Code`], the path of the field, and where the
//! text was YAML the line and column; an author mends a file in one go. Decoding is `deserr`'s
//! rather than `serde`'s for that reason alone: serde ends at the first error.

mod address;
mod authorization;
mod code;
mod condition;
mod decode;
mod diagnostic;
mod dn;
mod document;
mod failover;
mod filter_config;
mod grpc;
mod http_name;
mod istio;
mod json;
mod labels;
mod mesh;
mod name;
mod node;
pub mod packed;
mod path_pattern;
mod pattern;
mod policy_test;
mod quantity;
mod record;
mod request_principal;
#[cfg(feature = "schema")]
mod schema;
mod shaping;
mod spiffe_path;
mod target;
mod text_value;
pub mod validate;
mod validity;
mod word;
#[cfg(feature = "yaml")]
pub mod yaml;

pub use address::IpBlock;
pub use authorization::{Action, Authorization, From, Mode, Operation, Rule, Source, To};
pub use code::{Code, Severity};
pub use condition::{Condition, ConditionKey, ConditionValues, IstioCondition};
pub use decode::{Problems, decode};
pub use deserr::ValuePointerRef as Path;
pub use diagnostic::{Diagnostic, Position};
pub use dn::DistinguishedName;
pub use document::{API_VERSION, Content, Document, Documents, Metadata, Named};
pub use failover::{
    Active, Affinity, Drain, Endpoints, Failback, Failover, Health, Latency, Passive, Preference,
    Residency, Retries, Service, Spill, TransferBudget,
};
pub use filter_config::{
    DefaultAction, Explain, Faults, FilterConfig, FilterKind, Limits, Local, Options,
    PathNormalization, PeerIdentity, RawConfig, render, render_for, render_for_test,
};
pub use grpc::GrpcPattern;
pub use http_name::{CookieName, HeaderName, HostName, Method};
pub use ipnet::IpNet;
pub use istio::{
    DRY_RUN, Glob, GlobPiece, ISTIO_API_VERSIONS, IstioAccount, IstioAction, IstioAuthorization,
    IstioFrom, IstioNamespace, IstioOperation, IstioPath, IstioPort, IstioPrincipal,
    IstioPrincipalForm, IstioRequestPrincipal, IstioRule, IstioSelector, IstioSource, IstioText,
    IstioTo, IstioTrustDomain, ListOf, ROOT_NAMESPACE,
};
pub use json::{Address, Json};
pub use labels::Labels;
pub use mesh::{Cluster, DataClass, Identity, IstioMesh, Labelled, Link, Mesh, Region};
pub use name::{ClusterName, Jurisdiction, Name, NetworkName, RegionName, TrustDomain};
pub use node::{Entry, Node, Span, Value};
pub use path_pattern::{PathPattern, PathSegment, PathTemplate};
pub use pattern::{AnyOf, NamespacedName, Pattern, Port};
pub use policy_test::{Caller, Case, Expectation, PolicyTest, Request, ShadowOutcome, Verdict};
pub use quantity::{Amount, Percent, Period};
pub use request_principal::RequestPrincipal;
#[cfg(feature = "schema")]
pub use schema::schemas;
pub use shaping::{
    Abort, Adaptive, Backend, Claim, Concurrency, Cost, Criticality, CriticalityLevel, Deadline,
    Delay, Enforcement, Fault, Limit, LimitHeaders, LimitKey, LimitOverride, LimitScope,
    OnStoreLoss, PathCost, Ramp, Rate, RateLimitService, RetryBudget, Shaping, Split,
    SplitOverride, Sticky,
};
pub use spiffe_path::{Segment, SpiffePath};
pub use target::{Selector, Target, TargetKind, TargetRef};
pub use validity::{Timestamp, Validity};
