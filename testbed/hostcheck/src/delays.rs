//! Requests that wait for a tick.

use crate::log;
use landbridge_host::{Flow, GrpcStatus, Host, Reply, Ticket};
use std::cell::RefCell;
use std::time::Duration;

/// Those that wait.
#[derive(Default)]
pub(crate) struct Delays(RefCell<Vec<Delay>>);

struct Delay {
    ticket: Ticket,
    ticks: u32,
    status: Option<u16>,
}

impl Delays {
    /// Holds a request that wants it, and says since when.
    pub(crate) fn begin(&self, host: &dyn Host) -> (Flow, Option<Duration>) {
        let headers = host.request_headers().unwrap_or_default();
        let number = |name: &str| {
            let (_, value) = headers.iter().find(|(n, _)| n == name)?;
            std::str::from_utf8(value).ok()?.parse::<u16>().ok()
        };
        let (Some(ticks), Some(ticket)) = (number("x-delay-ticks"), host.ticket()) else {
            return (Flow::Continue, None);
        };
        self.0.borrow_mut().push(Delay {
            ticket,
            ticks: ticks.into(),
            status: number("x-late-status"),
        });
        (Flow::Held, Some(host.monotonic()))
    }

    pub(crate) fn tick(&self, host: &dyn Host) {
        let mut waiting = self.0.borrow_mut();
        for delay in waiting.iter_mut() {
            delay.ticks = delay.ticks.saturating_sub(1);
        }
        let due = |delay: &mut Delay| delay.ticks == 0;
        for delay in waiting.extract_if(.., due) {
            delay.end(host);
        }
    }
}

impl Delay {
    fn end(&self, host: &dyn Host) {
        let number = self.ticket.request();
        let was_held = self.ticket.is_held();
        let done = match self.status {
            None => host.resume(&self.ticket),
            Some(status) => host.reply_to(
                &self.ticket,
                &Reply {
                    status,
                    grpc_status: (status == 200).then_some(GrpcStatus::ResourceExhausted),
                    body: "late",
                    headers: vec![("x-late", "yes")],
                },
            ),
        };
        // A second time nothing happens.
        let again = host.resume(&self.ticket);
        let line = format!("request {number} was held {was_held}: {done:?}, then {again:?}");
        log(host, &line);
    }
}
