//! The documents that policy authors write, and what is wrong with them.
//!
//! The way of a document: bytes are read into a tree of [`Node`]s ([`yaml`] keeps the line and
//! column of each; JSON in a filter has none), the tree is decoded into typed documents
//! ([`Mesh`], [`Authorization`], [`PolicyTest`], [`FilterConfig`]), and [`validate`] checks what
//! no single field can know: that the clusters and regions named exist, that names are unique.
//!
//! A key design decision here is that nothing stops at the first error. Decoding and validation
//! both collect [`Diagnostic`]s, each with a stable [`Code`], the path of the field, and where the
//! text was YAML the line and column; an author mends a file in one go. Decoding is `deserr`'s
//! rather than `serde`'s for that reason alone: serde ends at the first error.

mod authorization;
mod code;
mod decode;
mod diagnostic;
mod dn;
mod document;
mod filter_config;
mod labels;
mod mesh;
mod name;
mod node;
mod pattern;
mod policy_test;
mod record;
#[cfg(feature = "schema")]
mod schema;
mod spiffe_path;
pub mod validate;
mod word;
#[cfg(feature = "yaml")]
pub mod yaml;

pub use authorization::{
    Action, Authorization, Condition, ConditionKey, From, Mode, Operation, Rule, Selector, Source,
    Target, To,
};
pub use code::{Code, Severity};
pub use decode::{Problems, decode};
pub use deserr::ValuePointerRef as Path;
pub use diagnostic::{Diagnostic, Position};
pub use dn::DistinguishedName;
pub use document::{API_VERSION, Content, Document, Documents, Metadata, Named};
pub use filter_config::{
    DefaultAction, Explain, FilterConfig, Limits, Local, Options, PathNormalization, RawConfig,
    render, render_for_test,
};
pub use mesh::{Cluster, Identity, Mesh, Region};
pub use name::{ClusterName, Jurisdiction, Name, NetworkName, RegionName, TrustDomain};
pub use node::{Entry, Node, Span, Value};
pub use pattern::{AnyOf, NamespacedName, Pattern, Port};
pub use policy_test::{Caller, Case, Expectation, PolicyTest, Request, ShadowOutcome, Verdict};
#[cfg(feature = "schema")]
pub use schema::schemas;
pub use spiffe_path::{Segment, SpiffePath};
