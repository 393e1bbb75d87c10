//! What is kept of a request until its end.

use landbridge_engine::shaping::{Ended, Header, Run};

/// A request that goes on.
pub struct Stream {
    /// What the engine keeps of it.
    pub(crate) run: Run,
    /// When it began, by the clock that only goes forward.
    pub(crate) began: u64,
    pub(crate) is_grpc: bool,
    /// Headers that the response gets.
    pub(crate) told: Vec<Header>,
    /// How it ended, and after how many nanoseconds, once that is known.
    pub(crate) ended: Option<(Ended, u64)>,
}
