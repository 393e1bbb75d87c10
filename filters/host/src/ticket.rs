//! Requests that wait for a tick.

use std::cell::Cell;
use std::rc::Rc;

/// By which a request that is held can be gone on with, or answered, from a tick. It may outlive
/// the request: it then does nothing.
#[derive(Clone, Debug)]
pub struct Ticket {
    request: u32,
    state: Rc<Cell<State>>,
}

/// What has become of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is held.
    Held,
    /// It was gone on with by its ticket.
    Resumed,
    /// It was answered by its ticket.
    Answered,
    /// It is not held yet, not any more, or over.
    Elsewhere,
}

impl Ticket {
    pub(crate) fn new(request: u32, state: State) -> Self {
        Self {
            request,
            state: Rc::new(Cell::new(state)),
        }
    }

    /// Whether the request waits. Whoever waits with it may drop a ticket that does not.
    pub fn is_held(&self) -> bool {
        self.state() == State::Held
    }

    /// The number of the request, which it has to itself for as long as it lives.
    pub fn request(&self) -> u32 {
        self.request
    }

    pub(crate) fn state(&self) -> State {
        self.state.get()
    }

    pub(crate) fn set(&self, state: State) {
        self.state.set(state);
    }

    /// Uses it up: only who is held can be gone on with, and once.
    pub(crate) fn take(&self, state: State) -> bool {
        let is_held = self.is_held();
        if is_held {
            self.set(state);
        }
        is_held
    }
}
