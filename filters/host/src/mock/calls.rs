//! Calls that a filter made, and their answers, which the test gives.

use super::MockHost;
use crate::{Call, CallAnswer, CallId, Headers, HostError};
use std::time::Duration;

/// A call that a filter made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCall {
    /// By which its answer is known.
    pub id: CallId,
    /// The cluster that it goes to.
    pub cluster: String,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Option<Vec<u8>>,
    /// How long its answer may take.
    pub timeout: Duration,
}

impl SentCall {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}

/// What came back of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

impl MockHost {
    /// A call has this answer, which the host gives from now on: what `on_call` and
    /// `on_tick_call` are to be told.
    pub fn answer_call(&self, headers: &[(&str, &str)], body: &[u8]) -> CallAnswer {
        let answered = Answered {
            headers: super::owned(headers),
            body: body.to_vec(),
        };
        let size = CallAnswer {
            headers: answered.headers.len(),
            body: answered.body.len(),
            trailers: 0,
        };
        self.answered.replace(answered);
        size
    }

    /// Nobody answered a call.
    pub fn fail_call(&self) -> CallAnswer {
        self.answer_call(&[], b"")
    }

    /// The calls that were made since the last look.
    pub fn take_calls(&self) -> Vec<SentCall> {
        self.calls.take()
    }

    pub(super) fn send(&self, call: &Call<'_>) -> Result<CallId, HostError> {
        let is_text = |(_, value): &(&str, &[u8])| std::str::from_utf8(value).is_ok();
        if !call.headers.iter().all(is_text) {
            return Err(HostError {
                call: "call",
                status: 2,
            });
        }
        let id = self.next_call();
        let headers = call.headers.iter();
        self.calls.borrow_mut().push(SentCall {
            id,
            cluster: call.cluster.to_owned(),
            headers: headers
                .map(|(n, v)| ((*n).to_owned(), v.to_vec()))
                .collect(),
            body: call.body.map(<[u8]>::to_vec),
            timeout: call.timeout,
        });
        Ok(id)
    }

    /// The numbers of all calls are different.
    pub(super) fn next_call(&self) -> CallId {
        let id = self.last_call.get().saturating_add(1);
        self.last_call.set(id);
        CallId(id)
    }
}
