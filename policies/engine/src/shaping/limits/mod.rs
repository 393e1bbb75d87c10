//! How much may come.
//!
//! A [`Limit`] says which requests it counts, and by what [key](key); a [`Bucket`](bucket) counts
//! one key, over all workers of a proxy; [`Sets`] keep the buckets of many in bounded room; and
//! [`Leases`] are what one worker holds of them, so that most requests ask nobody.

mod allowance;
mod bucket;
mod key;
#[cfg(test)]
mod laws;
mod leases;
mod limit;
mod sets;

pub use allowance::{Allowance, Nanos};
pub(crate) use key::{Places, Seed, beside};
pub(crate) use leases::{Leases, Taken};
pub(crate) use limit::{Limit, Written};
pub(crate) use sets::{Count, Sets};
