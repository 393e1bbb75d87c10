//! A host in memory: what a filter did is there to be looked at, in what order is not.

mod calls;
mod grpc;
mod requests;
mod shared;

use crate::host::{Headers, Host, HostError, Level, MetricId, MetricKind, Reply};
use crate::{Call, CallId, GrpcCall, GrpcStatus, Ticket};
pub use calls::SentCall;
pub use grpc::SentGrpc;
pub use shared::Shared;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// An answer that a filter gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The gRPC status.
    pub grpc_status: Option<GrpcStatus>,
    /// The body.
    pub body: Vec<u8>,
    /// The headers.
    pub headers: Headers,
}

impl Answer {
    fn of(reply: &Reply<'_>) -> Self {
        Self {
            status: reply.status,
            grpc_status: reply.grpc_status,
            body: reply.body.as_bytes().to_vec(),
            headers: owned(&reply.headers),
        }
    }

    /// The body, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first value of a header, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        first(&self.headers, name)
    }
}

/// A proxy in memory. Fields are what it gives and what it was given.
#[derive(Debug, Default)]
pub struct MockHost {
    /// The request's headers, as they are now.
    pub request: RefCell<Headers>,
    /// The chunk of the request's body that is there.
    pub body: RefCell<Vec<u8>>,
    /// The response's headers, as they are now.
    pub response: RefCell<Headers>,
    /// Attributes, by their path joined with `.`.
    pub properties: RefCell<BTreeMap<String, Vec<u8>>>,
    /// What was set in the filter state.
    pub filter_state: RefCell<BTreeMap<String, String>>,
    /// The answers given to the request; a filter gives one at most.
    pub answers: RefCell<Vec<Answer>>,
    /// The numbers of the requests that went on by their tickets.
    pub resumed: RefCell<Vec<u32>>,
    /// The answers given by tickets, with the numbers of the requests.
    pub late_answers: RefCell<Vec<(u32, Answer)>>,
    /// The time since 1970.
    pub time: Cell<Duration>,
    /// How far it goes on with each look at it.
    pub step: Cell<Duration>,
    /// The time that nobody sets.
    pub monotonic: Cell<Duration>,
    /// The module's memory, in bytes.
    pub memory: Cell<Option<u64>>,
    /// Metrics by name.
    pub metrics: RefCell<BTreeMap<String, u64>>,
    /// The log.
    pub logs: RefCell<Vec<(Level, String)>>,
    /// Calls that fail, by the name in their error.
    pub broken: RefCell<Vec<&'static str>>,
    /// The calls that were made.
    pub calls: RefCell<Vec<SentCall>>,
    /// The gRPC calls that were made.
    pub grpc_calls: RefCell<Vec<SentGrpc>>,
    /// What the workers share.
    pub shared: Rc<RefCell<Shared>>,
    names: RefCell<Vec<String>>,
    is_request_away: Cell<bool>,
    last_call: Cell<u32>,
    answered: RefCell<calls::Answered>,
    message: RefCell<Vec<u8>>,
    requests: requests::Requests,
}

impl MockHost {
    /// A host with these request headers.
    pub fn with_request(headers: &[(&str, &str)]) -> Self {
        let host = Self::default();
        host.start_request(headers);
        host
    }

    /// Another worker of the same proxy, at the same time.
    pub fn worker(&self) -> Self {
        Self {
            shared: Rc::clone(&self.shared),
            time: self.time.clone(),
            step: self.step.clone(),
            monotonic: self.monotonic.clone(),
            ..Self::default()
        }
    }

    /// The next request of the same worker.
    pub fn start_request(&self, headers: &[(&str, &str)]) {
        self.requests.start();
        *self.request.borrow_mut() = owned(headers);
        self.is_request_away.set(false);
        self.body.borrow_mut().clear();
        self.response.borrow_mut().clear();
        self.answers.borrow_mut().clear();
        self.filter_state.borrow_mut().clear();
    }

    /// The response to it, with these headers, `:status` among them. The request has gone on: to
    /// the filter its headers are away, as a proxy's are, and to the test they are as they were.
    pub fn start_response(&self, headers: &[(&str, &str)]) {
        self.is_request_away.set(true);
        *self.response.borrow_mut() = owned(headers);
    }

    /// Time goes on, by all clocks.
    pub fn advance(&self, by: Duration) {
        self.time.set(self.time.get().saturating_add(by));
        let monotonic = self.monotonic.get().saturating_add(by);
        self.monotonic.set(monotonic);
    }

    /// Sets an attribute.
    pub fn set_property(&self, path: &str, value: impl Into<Vec<u8>>) {
        self.properties
            .borrow_mut()
            .insert(path.to_owned(), value.into());
    }

    /// The first value of a request header, as it is now.
    pub fn request_header(&self, name: &str) -> Option<String> {
        first(&self.request.borrow(), name)
    }

    /// Sets an attribute that is a number.
    pub fn set_number(&self, path: &str, value: u64) {
        self.set_property(path, value.to_le_bytes());
    }

    /// The sum of the metrics whose name has all of these in it.
    pub fn metric_sum(&self, parts: &[&str]) -> u64 {
        let metrics = self.metrics.borrow();
        let named = metrics
            .iter()
            .filter(|(name, _)| parts.iter().all(|p| name.contains(p)));
        named.map(|(_, value)| *value).sum()
    }

    fn check(&self, call: &'static str) -> Result<(), HostError> {
        if self.broken.borrow().contains(&call) {
            return Err(HostError { call, status: 10 });
        }
        Ok(())
    }

    /// Whether the request can be changed.
    fn change_request(&self, call: &'static str) -> Result<(), HostError> {
        self.check(call)?;
        match self.is_request_away.get() {
            true => Err(HostError { call, status: 2 }),
            false => Ok(()),
        }
    }

    fn push_answer(&self, answer: Answer) -> Result<(), HostError> {
        self.check("reply")?;
        let mut answers = self.answers.borrow_mut();
        if !answers.is_empty() {
            return Err(HostError {
                call: "reply",
                status: 2,
            });
        }
        answers.push(answer);
        Ok(())
    }

    fn with_metric(&self, id: MetricId, change: impl Fn(u64) -> u64) -> Result<(), HostError> {
        let names = self.names.borrow();
        let index = usize::try_from(id.0).ok();
        let name = index.and_then(|i| names.get(i));
        let name = name.ok_or(HostError {
            call: "metric",
            status: 1,
        })?;
        let mut metrics = self.metrics.borrow_mut();
        let value = metrics.entry(name.clone()).or_default();
        *value = change(*value);
        Ok(())
    }
}

fn owned(headers: &[(&str, &str)]) -> Headers {
    let bytes = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
    headers.iter().map(bytes).collect()
}

fn first(headers: &Headers, name: &str) -> Option<String> {
    let found = headers.iter().find(|(n, _)| n == name);
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

fn part(bytes: &[u8], start: usize, max: usize) -> Vec<u8> {
    bytes.iter().skip(start).take(max).copied().collect()
}

fn set(headers: &RefCell<Headers>, name: &str, value: &[u8]) {
    let mut headers = headers.borrow_mut();
    headers.retain(|(n, _)| n != name);
    headers.push((name.to_owned(), value.to_vec()));
}

impl Host for MockHost {
    fn request_headers(&self) -> Result<Headers, HostError> {
        self.check("request headers")?;
        if self.is_request_away.get() {
            return Ok(Headers::new());
        }
        Ok(self.request.borrow().clone())
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.change_request("set request header")?;
        set(&self.request, name, value);
        Ok(())
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        self.change_request("remove request header")?;
        self.request.borrow_mut().retain(|(n, _)| n != name);
        Ok(())
    }

    fn request_body(&self, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        self.check("request body")?;
        Ok(part(&self.body.borrow(), start, max))
    }

    fn response_header(&self, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        self.check("response header")?;
        let response = self.response.borrow();
        let found = response.iter().find(|(n, _)| n == name);
        Ok(found.map(|(_, value)| value.clone()))
    }

    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.check("set response header")?;
        set(&self.response, name, value);
        Ok(())
    }

    fn add_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.check("add response header")?;
        let mut response = self.response.borrow_mut();
        response.push((name.to_owned(), value.to_vec()));
        Ok(())
    }

    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
        self.check("get property")?;
        Ok(self.properties.borrow().get(&path.join(".")).cloned())
    }

    fn set_filter_state(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.check("set property")?;
        let value = String::from_utf8_lossy(value).into_owned();
        self.filter_state
            .borrow_mut()
            .insert(name.to_owned(), value);
        Ok(())
    }

    fn clear_route_cache(&self) -> Result<(), HostError> {
        self.check("clear route cache")
    }

    fn reply(&self, reply: &Reply<'_>) -> Result<(), HostError> {
        self.push_answer(Answer::of(reply))
    }

    fn answer(&self, status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Result<(), HostError> {
        let sent = |(name, value): &&(&str, &[u8])| {
            !name.starts_with(':') && std::str::from_utf8(value).is_ok()
        };
        let headers = headers.iter().filter(sent);
        self.push_answer(Answer {
            status,
            grpc_status: None,
            body: body.to_vec(),
            headers: headers
                .map(|(n, v)| ((*n).to_owned(), v.to_vec()))
                .collect(),
        })
    }

    fn call(&self, call: &Call<'_>) -> Result<CallId, HostError> {
        self.check("call")?;
        self.send(call)
    }

    fn call_headers(&self) -> Result<Headers, HostError> {
        self.check("call headers")?;
        Ok(self.answered.borrow().headers.clone())
    }

    fn call_body(&self, max: usize) -> Result<Vec<u8>, HostError> {
        self.check("call body")?;
        Ok(part(&self.answered.borrow().body, 0, max))
    }

    fn call_grpc(&self, call: &GrpcCall<'_>) -> Result<CallId, HostError> {
        self.check("call grpc")?;
        self.send_grpc(call)
    }

    fn grpc_message(&self, max: usize) -> Result<Vec<u8>, HostError> {
        self.check("grpc message")?;
        Ok(part(&self.message.borrow(), 0, max))
    }

    fn ticket(&self) -> Option<Ticket> {
        Some(self.requests.ticket())
    }

    fn resume(&self, ticket: &Ticket) -> Result<bool, HostError> {
        self.check("resume")?;
        Ok(self.let_go(ticket))
    }

    fn reply_to(&self, ticket: &Ticket, reply: &Reply<'_>) -> Result<bool, HostError> {
        self.check("reply to")?;
        Ok(self.answer_late(ticket, Answer::of(reply)))
    }

    fn shared(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
        self.check("get shared data")?;
        Ok(self.shared.borrow().get(key))
    }

    fn set_shared(&self, key: &str, value: &[u8], state: Option<u32>) -> Result<bool, HostError> {
        self.check("set shared data")?;
        Ok(self.shared.borrow_mut().set(key, value, state))
    }

    fn now(&self) -> Result<Duration, HostError> {
        self.check("current time")?;
        let now = self.time.get();
        self.time.set(now.saturating_add(self.step.get()));
        Ok(now)
    }

    fn monotonic(&self) -> Duration {
        self.monotonic.get()
    }

    fn memory(&self) -> Option<u64> {
        self.memory.get()
    }

    fn metric(&self, _: MetricKind, name: &str) -> Result<MetricId, HostError> {
        self.check("define metric")?;
        let mut names = self.names.borrow_mut();
        let found = names.iter().position(|n| n == name);
        let index = found.unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len().saturating_sub(1)
        });
        Ok(MetricId(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    fn add(&self, metric: MetricId, by: u32) -> Result<(), HostError> {
        self.with_metric(metric, |value| value.saturating_add(u64::from(by)))
    }

    fn set(&self, metric: MetricId, to: u64) -> Result<(), HostError> {
        self.with_metric(metric, |_| to)
    }

    fn log(&self, level: Level, message: &str) {
        self.logs.borrow_mut().push((level, message.to_owned()));
    }
}
