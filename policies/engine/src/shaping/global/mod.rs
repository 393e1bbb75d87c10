//! Limits that all proxies count together, by a rate-limit service.
//!
//! No request waits for the service. Each proxy leases requests from it in advance, over Envoy's
//! protocol (`envoy.service.ratelimit.v3`): a call takes as many hits as the proxy is expected to
//! use in the time `lease`. What it got and did not yet use is the key's *stock*. A request that
//! finds the stock empty goes on by *credit*, which the next call pays for. Who has neither is
//! refused; or, while the service cannot be asked, is decided by `onStoreLoss`.
//!
//! How much too many may come: of a key and a proxy, let `A` be the hits granted by answers that
//! came in a window of the service, and `tokens` and `owed` the stock and the unpaid credit at its
//! start and end. What the proxy let through in the window is at most
//!
//! ```text
//! A + tokens(start) - tokens(end) + owed(end) - owed(start)
//! ```
//!
//! A call that is out at the start asks for no more than `owed(start)`, and what the stock then still
//! has room for. So this is at most what the service granted in the window, and `stock + credit`;
//! and over all proxies at most
//!
//! ```text
//! limit + proxies * (credit + stock)
//! ```
//!
//! where `stock` is `rate * lease`, rounded up, and `credit` the same or the largest cost of a
//! request, whichever is more. With `100/s` and `200ms` that is 40 too many for each proxy, at the
//! most. Calls fill the stock and pay for credit, so that over many windows it is the limit: what is
//! owed stays owed, and an answer that comes too late to be used is lost, not gained.
//!
//! The service counts in windows of its own, so the burst of a limit is not used here.

mod health;
#[cfg(test)]
mod laws;
mod settings;
#[cfg(test)]
mod simulation;
mod stock;
mod stocks;
mod terms;
mod wire;

pub(crate) use health::Health;
pub(crate) use settings::Settings;
pub(crate) use stocks::{Failure, GlobalTaken, LeaseCall, Stocks};
pub(crate) use terms::Terms;
