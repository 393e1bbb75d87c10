//! Requests that wait on purpose.

use crate::{NAME, Shaping, refuse, steady};
use landbridge_engine::shaping::Abortion;
use landbridge_host::{Flow, Host, HostError, Level, Ticket};
use std::time::Duration;

/// The most that wait at a time: who delays more than that breaks more than was meant.
const MOST: usize = 10_000;

/// A request that waits.
pub(crate) struct Waiting {
    ticket: Ticket,
    /// Until when, by the clock that only goes forward.
    until: u64,
    abort: Option<Abortion>,
    is_grpc: bool,
}

impl Waiting {
    /// Has the request that is at hand wait.
    pub(crate) fn begin(
        shaping: &Shaping,
        host: &dyn Host,
        delay: Duration,
        abort: Option<Abortion>,
        is_grpc: bool,
    ) -> Flow {
        let mut waiting = shaping.waiting.borrow_mut();
        let Some(ticket) = host.ticket().filter(|_| waiting.len() < MOST) else {
            return Flow::Continue;
        };
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        waiting.push(Self {
            ticket,
            until: steady(host).saturating_add(delay),
            abort,
            is_grpc,
        });
        Flow::Held
    }

    fn end(&self, host: &dyn Host) -> Result<bool, HostError> {
        match self.abort {
            Some(abort) => host.reply_to(&self.ticket, &refuse::aborted(abort, self.is_grpc)),
            None => host.resume(&self.ticket),
        }
    }
}

/// Lets those go on that have waited.
pub(crate) fn tick(shaping: &Shaping, host: &dyn Host) {
    if shaping.waiting.borrow().is_empty() {
        return;
    }
    let now = steady(host);
    let (due, rest) = shaping
        .waiting
        .take()
        .into_iter()
        .partition(|waiting| waiting.until <= now);
    shaping.waiting.replace(rest);
    let due: Vec<Waiting> = due;
    for waiting in due {
        // One that has gone meanwhile is not held any more.
        if let Err(error) = waiting.end(host) {
            host.log(Level::Error, &format!("landbridge {NAME}: {error}"));
        }
    }
}
