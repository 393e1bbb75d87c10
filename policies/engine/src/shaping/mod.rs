//! Parts of traffic shaping.

mod ramp;
mod recent;
pub mod retries;
pub mod split;
#[cfg(test)]
mod split_laws;
