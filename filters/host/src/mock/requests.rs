//! The requests that a filter was given, and their tickets.

use super::{Answer, MockHost};
use crate::Ticket;
use crate::ticket::State;
use std::cell::{Cell, RefCell};

/// What became of the requests whose tickets were asked for.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The number of the current one.
    number: Cell<u32>,
    tickets: RefCell<Vec<Ticket>>,
}

impl Requests {
    pub(super) fn start(&self) {
        self.number.set(self.number.get().saturating_add(1));
    }

    /// The current one's, which counts as held: only the filter's test knows whether it is.
    pub(super) fn ticket(&self) -> Ticket {
        let number = self.number.get();
        let mut tickets = self.tickets.borrow_mut();
        if let Some(ticket) = tickets.iter().find(|ticket| ticket.request() == number) {
            return ticket.clone();
        }
        let ticket = Ticket::new(number, State::Held);
        tickets.push(ticket.clone());
        ticket
    }
}

impl MockHost {
    /// The number of the current request: 1 is that of the first.
    pub fn request_number(&self) -> u32 {
        self.requests.number.get()
    }

    /// The caller of a request goes away: its ticket leads nowhere.
    pub fn leave(&self, request: u32) {
        let tickets = self.requests.tickets.borrow();
        for ticket in tickets.iter().filter(|ticket| ticket.request() == request) {
            ticket.set(State::Elsewhere);
        }
    }

    pub(super) fn let_go(&self, ticket: &Ticket) -> bool {
        let is_held = ticket.take(State::Resumed);
        if is_held {
            self.resumed.borrow_mut().push(ticket.request());
        }
        is_held
    }

    pub(super) fn answer_late(&self, ticket: &Ticket, answer: Answer) -> bool {
        let is_held = ticket.take(State::Answered);
        if is_held {
            let mut answers = self.late_answers.borrow_mut();
            answers.push((ticket.request(), answer));
        }
        is_held
    }
}
