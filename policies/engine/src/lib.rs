//! What the documents mean.
//!
//! [`load`] reads a filter's configuration and compiles it into a [`PolicySet`]: rules whose names
//! are resolved, and the [`Plan`] of what they can ever ask of a request. A host fetches that and
//! nothing else into a [`RawRequest`]; [`Facts::new`] checks its hygiene and normalises it;
//! [`PolicySet::decide`] gives the [`Decision`].
//!
//! The engine is pure: it does no I/O, has no clock, and never sees a proxy. It also never
//! panics: a filter that does takes its worker down with it.
//!
//! A key design decision here is that a match has three values ([`Truth`]). What cannot be known,
//! such as the cluster of a caller without a certificate, is not `false`: its negation would then
//! be `true`, and `notClusters: [euw1-a]` would admit whoever hides where they come from. A rule
//! that allows must be [`Truth::Yes`]; a rule that denies may be [`Truth::Unknown`].

mod applies;
mod budget;
mod bytes;
mod caller;
mod compile;
mod cookie;
mod decide;
mod decision;
mod digest;
mod draw;
mod explain;
mod facts;
pub mod failover;
mod glob;
mod index;
mod kept;
mod load;
mod matcher;
mod mesh_index;
mod metadata;
#[cfg(feature = "oracle")]
pub mod oracle;
mod path;
mod plan;
mod policy_set;
pub mod policy_test;
mod quantity;
pub mod shaping;
mod shared;
mod template;
mod text_set;
mod truth;
mod xfcc;

pub use applies::applies;
pub use budget::Earnings;
pub use caller::{Caller, Certificate, SpiffeId};
pub use cookie::cookie;
pub use decision::{Decision, Outcome, Reason, RuleRef, Shadow, Verdict};
pub use digest::Digest;
pub use explain::{Account, Failure, Finding, Miss};
pub use facts::{Facts, RawRequest, Rejection};
pub use kept::Kept;
pub use load::{Loaded, Surroundings, Unknown, load, load_after};
pub use mesh_index::{ClusterId, MeshIndex};
pub use path::{MalformedPath, normalize};
pub use plan::{MetadataPath, Needs, Plan};
pub use policy_set::{PolicySet, Settings};
pub use shared::{Memory, Store};
pub use truth::Truth;
pub use xfcc::{Client, Element, MalformedXfcc, elements, forwarded_by};
