//! Whether imported `AuthorizationPolicy` documents mean in Landbridge what Envoy's own RBAC makes
//! of them: random policies in two real Envoys, random requests to both, and the answers compared.
//!
//! A case (settings of a mesh, and policies) and its requests follow from a seed and a number
//! alone, so that a difference can be had again; what is found is shrunk before it is told. The
//! alphabets are small, since what never matches compares nothing: a run fails, too, if nearly all
//! requests are answered alike.
//!
//! Left out are requests that Landbridge refuses to judge at all (400), where RBAC judges whatever
//! it takes them for, and values that are no more than letters to an author and operators to the
//! regular expressions that istiod makes of them, but for `.` and `*`.

mod callers;
mod case;
mod compare;
mod native;
mod outcome;
mod pair;
mod policies;
mod request;
mod shrink;

pub use case::Case;
pub use compare::{Difference, Failure, Soak, Tally};
pub use native::{Disagreement, NativeTally, imported, ours};
pub use pair::Trouble;
pub use request::Request;
