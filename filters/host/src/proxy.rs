//! The host that is a real proxy.
//!
//! proxy-wasm's host calls return results, and yet panic at most statuses that are not success: a
//! header map that is not there, a second answer to one request, a range behind the end of a
//! buffer. A panic turns a worker into 503s. So what is there is kept here, and what would
//! panic is not asked. Envoy's header maps are there while their message is at hand, which is
//! until it goes on, and again when it is logged.

use crate::grpc_service::grpc_service;
use crate::host::{Headers, Host, HostError, Level, MetricId, MetricKind, Reply};
use crate::ticket::State;
use crate::{Call, CallAnswer, CallId, GrpcCall, GrpcStatus, Ticket};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, GrpcStatusCode, LogLevel, MapType, MetricType, Status};
use std::cell::{Cell, OnceCell};
use std::time::{Duration, UNIX_EPOCH};

/// A state that no key gets to: the numbers go up from 1.
const NO_STATE: u32 = u32::MAX;
/// To the proxy no time is for ever, and a number of milliseconds has 32 bits.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(1);
const LONGEST_TIMEOUT: Duration = Duration::from_millis(u32::MAX as u64);

/// What can be done with the headers of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Message {
    /// It has not come, or has gone on.
    #[default]
    Away,
    /// It can be read: it is about to be logged.
    Past,
    /// It can be read and changed.
    AtHand,
}

/// The proxy, as one of its contexts sees it: what is there now.
#[derive(Default)]
pub(crate) struct Proxy {
    /// The proxy's number of the context.
    context: u32,
    is_request: bool,
    pub(crate) request: Message,
    pub(crate) response: Message,
    /// The size of the body's chunk that can be read.
    pub(crate) chunk: usize,
    /// What can be read of a call's answer.
    pub(crate) call: CallAnswer,
    /// The size of a gRPC answer that can be read.
    pub(crate) grpc: usize,
    answered: Cell<bool>,
    /// The request's, if it was asked for.
    ticket: OnceCell<Ticket>,
}

impl Proxy {
    pub(crate) fn of_filter(context: u32) -> Self {
        Self {
            context,
            ..Self::default()
        }
    }

    pub(crate) fn of_request(context: u32) -> Self {
        Self {
            context,
            is_request: true,
            ..Self::default()
        }
    }

    /// Whether the request was answered by the filter.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.get()
    }

    /// It is too late to answer.
    pub(crate) fn end(&self) {
        self.answered.set(true);
    }

    /// What became of the request by its ticket.
    pub(crate) fn state(&self) -> Option<State> {
        self.ticket.get().map(Ticket::state)
    }

    /// What becomes of it without.
    pub(crate) fn mark(&self, state: State) {
        if let Some(ticket) = self.ticket.get() {
            ticket.set(state);
        }
    }

    /// Does something to a request that is held, as if in a callback of its own. That of another
    /// request is not the place for it: the proxy may be about to end that one.
    fn by_ticket(
        &self,
        ticket: &Ticket,
        state: State,
        call: &'static str,
        act: impl FnOnce() -> Result<(), Status>,
    ) -> Result<bool, HostError> {
        there(!self.is_request, call)?;
        if !ticket.take(state) {
            return Ok(false);
        }
        hostcalls::set_effective_context(ticket.request()).map_err(failed(call))?;
        let done = act();
        let back = hostcalls::set_effective_context(self.context);
        done.and(back).map(|()| true).map_err(failed(call))
    }

    /// Answers once, and only a request.
    fn answer_once(&self, answer: impl FnOnce() -> Result<(), Status>) -> Result<(), HostError> {
        there(self.is_request && !self.answered.replace(true), "reply")?;
        answer().map_err(failed("reply"))
    }
}

fn failed(call: &'static str) -> impl Fn(Status) -> HostError {
    move |status| HostError {
        call,
        status: status as u32,
    }
}

/// What the proxy would say of what is not there.
fn there(is_there: bool, call: &'static str) -> Result<(), HostError> {
    if is_there {
        return Ok(());
    }
    Err(failed(call)(Status::BadArgument))
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// A part of a buffer that has `size` bytes.
fn part(
    buffer: BufferType,
    size: usize,
    start: usize,
    max: usize,
    call: &'static str,
) -> Result<Vec<u8>, HostError> {
    let length = size.saturating_sub(start).min(max);
    if length == 0 {
        return Ok(Vec::new());
    }
    let bytes = hostcalls::get_buffer(buffer, start, length).map_err(failed(call))?;
    Ok(bytes.unwrap_or_default())
}

fn send(reply: &Reply<'_>) -> Result<(), Status> {
    let headers = &reply.headers;
    match reply.grpc_status {
        Some(status) => {
            let headers = headers
                .iter()
                .map(|(name, value)| (*name, value.as_bytes()));
            hostcalls::send_grpc_response(code(status), Some(reply.body), headers.collect())
        }
        None => hostcalls::send_http_response(
            u32::from(reply.status),
            headers.clone(),
            Some(reply.body.as_bytes()),
        ),
    }
}

fn code(status: GrpcStatus) -> GrpcStatusCode {
    match status {
        GrpcStatus::Cancelled => GrpcStatusCode::Cancelled,
        GrpcStatus::Unknown => GrpcStatusCode::Unknown,
        GrpcStatus::InvalidArgument => GrpcStatusCode::InvalidArgument,
        GrpcStatus::DeadlineExceeded => GrpcStatusCode::DeadlineExceeded,
        GrpcStatus::NotFound => GrpcStatusCode::NotFound,
        GrpcStatus::AlreadyExists => GrpcStatusCode::AlreadyExists,
        GrpcStatus::PermissionDenied => GrpcStatusCode::PermissionDenied,
        GrpcStatus::ResourceExhausted => GrpcStatusCode::ResourceExhausted,
        GrpcStatus::FailedPrecondition => GrpcStatusCode::FailedPrecondition,
        GrpcStatus::Aborted => GrpcStatusCode::Aborted,
        GrpcStatus::OutOfRange => GrpcStatusCode::OutOfRange,
        GrpcStatus::Unimplemented => GrpcStatusCode::Unimplemented,
        GrpcStatus::Internal => GrpcStatusCode::Internal,
        GrpcStatus::Unavailable => GrpcStatusCode::Unavailable,
        GrpcStatus::DataLoss => GrpcStatusCode::DataLoss,
        GrpcStatus::Unauthenticated => GrpcStatusCode::Unauthenticated,
    }
}

impl Host for Proxy {
    fn request_headers(&self) -> Result<Headers, HostError> {
        if self.request == Message::Away {
            return Ok(Headers::new());
        }
        hostcalls::get_map_bytes(MapType::HttpRequestHeaders).map_err(failed("request headers"))
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        there(self.request == Message::AtHand, "set request header")?;
        hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value))
            .map_err(failed("set request header"))
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        there(self.request == Message::AtHand, "remove request header")?;
        hostcalls::remove_map_value(MapType::HttpRequestHeaders, name)
            .map_err(failed("remove request header"))
    }

    fn request_body(&self, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        let buffer = BufferType::HttpRequestBody;
        part(buffer, self.chunk, start, max, "request body")
    }

    fn response_header(&self, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        if self.response == Message::Away {
            return Ok(None);
        }
        hostcalls::get_map_value_bytes(MapType::HttpResponseHeaders, name)
            .map_err(failed("response header"))
    }

    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        there(self.response == Message::AtHand, "set response header")?;
        hostcalls::set_map_value_bytes(MapType::HttpResponseHeaders, name, Some(value))
            .map_err(failed("set response header"))
    }

    fn add_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        there(self.response == Message::AtHand, "add response header")?;
        hostcalls::add_map_value_bytes(MapType::HttpResponseHeaders, name, value)
            .map_err(failed("add response header"))
    }

    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
        hostcalls::get_property(path.to_vec()).map_err(failed("get property"))
    }

    fn set_filter_state(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        there(self.is_request, "set property")?;
        hostcalls::set_property(vec![name], Some(value)).map_err(failed("set property"))
    }

    fn clear_route_cache(&self) -> Result<(), HostError> {
        hostcalls::call_foreign_function("clear_route_cache", None)
            .map(|_| ())
            .map_err(failed("clear route cache"))
    }

    fn reply(&self, reply: &Reply<'_>) -> Result<(), HostError> {
        self.answer_once(|| send(reply))
    }

    fn answer(&self, status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Result<(), HostError> {
        let headers = headers.iter().filter(|(name, _)| !name.starts_with(':'));
        let headers = headers.filter_map(|(name, value)| Some((*name, text(value)?)));
        self.answer_once(|| {
            hostcalls::send_http_response(u32::from(status), headers.collect(), Some(body))
        })
    }

    fn call(&self, call: &Call<'_>) -> Result<CallId, HostError> {
        let headers = call
            .headers
            .iter()
            .map(|(name, value)| Some((*name, text(value)?)));
        let headers = headers.collect::<Option<Vec<_>>>();
        let headers = headers.ok_or_else(|| failed("call")(Status::BadArgument))?;
        let timeout = call.timeout.clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT);
        hostcalls::dispatch_http_call(call.cluster, headers, call.body, Vec::new(), timeout)
            .map(CallId)
            .map_err(failed("call"))
    }

    fn call_headers(&self) -> Result<Headers, HostError> {
        if !self.call.is_there() {
            return Ok(Headers::new());
        }
        hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).map_err(failed("call headers"))
    }

    fn call_body(&self, max: usize) -> Result<Vec<u8>, HostError> {
        let buffer = BufferType::HttpCallResponseBody;
        part(buffer, self.call.body, 0, max, "call body")
    }

    fn call_grpc(&self, call: &GrpcCall<'_>) -> Result<CallId, HostError> {
        let name = "call grpc";
        let mut names = call.metadata.iter().map(|(name, _)| name);
        let is_metadata = names.all(|name| !name.starts_with(':'));
        there(!self.is_request && is_metadata, name)?;
        let service = grpc_service(call.cluster, call.authority);
        let service = service.ok_or_else(|| failed(name)(Status::BadArgument))?;
        let timeout = call.timeout.clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT);
        hostcalls::dispatch_grpc_call(
            &service,
            call.service,
            call.method,
            call.metadata.to_vec(),
            Some(call.message),
            timeout,
        )
        .map(CallId)
        .map_err(failed(name))
    }

    fn grpc_message(&self, max: usize) -> Result<Vec<u8>, HostError> {
        let buffer = BufferType::GrpcReceiveBuffer;
        part(buffer, self.grpc, 0, max, "grpc message")
    }

    fn ticket(&self) -> Option<Ticket> {
        let new = || Ticket::new(self.context, State::Elsewhere);
        self.is_request
            .then(|| self.ticket.get_or_init(new).clone())
    }

    fn resume(&self, ticket: &Ticket) -> Result<bool, HostError> {
        let go_on = hostcalls::resume_http_request;
        self.by_ticket(ticket, State::Resumed, "resume", go_on)
    }

    fn reply_to(&self, ticket: &Ticket, reply: &Reply<'_>) -> Result<bool, HostError> {
        self.by_ticket(ticket, State::Answered, "reply to", || send(reply))
    }

    fn shared(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, HostError> {
        let (value, state) = hostcalls::get_shared_data(key).map_err(failed("get shared data"))?;
        // A value that is empty comes as none with a state.
        Ok(match (value, state) {
            (None, None) => None,
            (value, state) => Some((value.unwrap_or_default(), state.unwrap_or(NO_STATE))),
        })
    }

    fn set_shared(&self, key: &str, value: &[u8], state: Option<u32>) -> Result<bool, HostError> {
        // To the proxy 0 is any state, and a key that is not there is in every state.
        let state = state.map(|state| if state == 0 { NO_STATE } else { state });
        match hostcalls::set_shared_data(key, Some(value), state) {
            Ok(()) => Ok(true),
            Err(Status::CasMismatch) => Ok(false),
            Err(status) => Err(failed("set shared data")(status)),
        }
    }

    fn now(&self) -> Result<Duration, HostError> {
        let now = hostcalls::get_current_time().map_err(failed("current time"))?;
        Ok(now.duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// By WASI, whose clock Envoy takes from the machine. `std::time::Instant` is the same clock,
    /// and has no beginning that another worker would know.
    #[cfg(target_os = "wasi")]
    fn monotonic(&self) -> Duration {
        let now = coarsetime::Instant::now_without_cache_update();
        coarsetime::Duration::from_ticks(now.as_ticks()).into()
    }

    #[cfg(not(target_os = "wasi"))]
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    #[cfg(target_arch = "wasm32")]
    fn memory(&self) -> Option<u64> {
        /// WebAssembly core specification, 4.2.8.
        const PAGE: u64 = 64 << 10;
        let pages = u64::try_from(core::arch::wasm32::memory_size::<0>()).ok()?;
        Some(pages.saturating_mul(PAGE))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn memory(&self) -> Option<u64> {
        None
    }

    fn metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        let kind = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        };
        hostcalls::define_metric(kind, name)
            .map(MetricId)
            .map_err(failed("define metric"))
    }

    fn add(&self, metric: MetricId, by: u32) -> Result<(), HostError> {
        hostcalls::increment_metric(metric.0, i64::from(by)).map_err(failed("increment metric"))
    }

    fn set(&self, metric: MetricId, to: u64) -> Result<(), HostError> {
        hostcalls::record_metric(metric.0, to).map_err(failed("record metric"))
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        // A proxy that cannot log cannot be told so.
        let _ = hostcalls::log(level, message);
    }
}
