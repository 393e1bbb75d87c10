//! Parts of traffic shaping.

mod recent;
pub mod retries;
