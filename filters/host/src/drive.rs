//! The contexts of a real proxy, which drive a filter.

use crate::host::{Host, Level};
use crate::proxy::{Message, Proxy};
use crate::ticket::State;
use crate::{CallAnswer, CallId, Filter, Flow};
pub use proxy_wasm;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType};
use std::rc::Rc;
use std::time::Duration;

/// To the proxy a period of 0 is no tick at all, and one has 32 bits of milliseconds.
const SHORTEST_TICK: Duration = Duration::from_millis(1);
const LONGEST_TICK: Duration = Duration::from_millis(u32::MAX as u64);

/// Makes `F` the filter of this module.
pub fn register<F: Filter>() {
    proxy_wasm::set_root_context(|id| {
        Box::new(Root::<F> {
            filter: None,
            proxy: Proxy::of_filter(id),
        })
    });
}

struct Root<F> {
    filter: Option<Rc<F>>,
    proxy: Proxy,
}

impl<F: Filter> Context for Root<F> {
    fn on_http_call_response(&mut self, id: u32, headers: usize, body: usize, trailers: usize) {
        let Some(filter) = &self.filter else { return };
        self.proxy.call = CallAnswer {
            headers,
            body,
            trailers,
        };
        filter.on_tick_call(&self.proxy, CallId(id), self.proxy.call);
        self.proxy.call = CallAnswer::default();
    }

    fn on_grpc_call_response(&mut self, id: u32, status: u32, size: usize) {
        let Some(filter) = &self.filter else { return };
        let answer = match status {
            0 => Ok(size),
            status => Err(status),
        };
        self.proxy.grpc = answer.unwrap_or_default();
        filter.on_tick_grpc(&self.proxy, CallId(id), answer);
        self.proxy.grpc = 0;
    }
}

impl<F: Filter> RootContext for Root<F> {
    fn on_configure(&mut self, size: usize) -> bool {
        let configuration = match size {
            0 => Ok(None),
            size => hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size),
        };
        let Ok(configuration) = configuration else {
            self.proxy.log(
                Level::Error,
                "landbridge: the configuration could not be read",
            );
            return false;
        };
        let Some(filter) = F::configure(&self.proxy, &configuration.unwrap_or_default()) else {
            return false;
        };
        self.filter = Some(Rc::new(filter));
        F::TICK.is_none_or(|period| {
            hostcalls::set_tick_period(period.clamp(SHORTEST_TICK, LONGEST_TICK)).is_ok()
        })
    }

    fn on_tick(&mut self) {
        if let Some(filter) = &self.filter {
            filter.on_tick(&self.proxy);
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http {
            filter: self.filter.clone(),
            stream: None,
            proxy: Proxy::of_request(id),
            held: None,
        }))
    }
}

/// What waits for the answer to a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Request,
    Response,
}

struct Http<F: Filter> {
    filter: Option<Rc<F>>,
    stream: Option<F::Stream>,
    proxy: Proxy,
    held: Option<Held>,
}

impl<F: Filter> Http<F> {
    /// Only what is held stays at hand after a callback.
    fn hold(&mut self, held: Option<Held>) {
        let at_hand = |what| match held == Some(what) {
            true => Message::AtHand,
            false => Message::Away,
        };
        self.proxy.request = at_hand(Held::Request);
        self.proxy.response = at_hand(Held::Response);
        self.held = held;
        self.proxy.mark(match held {
            Some(Held::Request) if !self.proxy.has_answered() => State::Held,
            _ => State::Elsewhere,
        });
    }

    /// What was done by the request's ticket was done without this context.
    fn catch_up(&mut self) {
        match self.proxy.state() {
            Some(State::Resumed) => self.hold(None),
            Some(State::Answered) => {
                self.proxy.end();
                self.hold(None);
            }
            Some(State::Held | State::Elsewhere) | None => {}
        }
    }

    fn action(&mut self, flow: Flow, what: Held) -> Action {
        self.hold((flow == Flow::Held).then_some(what));
        match flow {
            Flow::Continue => Action::Continue,
            Flow::Answered | Flow::Held => Action::Pause,
        }
    }

    /// Lets go on what is held; what is not must not be told to.
    fn resume(&mut self) {
        let resumed = match self.held {
            Some(Held::Request) => hostcalls::resume_http_request(),
            Some(Held::Response) => hostcalls::resume_http_response(),
            None => Ok(()),
        };
        if resumed.is_err() {
            self.proxy
                .log(Level::Error, "landbridge: what was held does not go on");
        }
        self.hold(None);
    }
}

impl<F: Filter> Context for Http<F> {
    fn on_http_call_response(&mut self, id: u32, headers: usize, body: usize, trailers: usize) {
        self.catch_up();
        let (Some(filter), Some(stream)) = (&self.filter, &mut self.stream) else {
            return;
        };
        self.proxy.call = CallAnswer {
            headers,
            body,
            trailers,
        };
        let flow = filter.on_call(&self.proxy, stream, CallId(id), self.proxy.call);
        self.proxy.call = CallAnswer::default();
        match flow {
            Flow::Continue => self.resume(),
            Flow::Answered => self.hold(None),
            Flow::Held => {}
        }
    }
}

impl<F: Filter> HttpContext for Http<F> {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        self.proxy.request = Message::AtHand;
        let flow = match &self.filter {
            Some(filter) => {
                let (flow, stream) = filter.on_request(&self.proxy, end);
                self.stream = Some(stream);
                flow
            }
            None => F::unconfigured(&self.proxy),
        };
        self.action(flow, Held::Request)
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.catch_up();
        if let (Some(filter), Some(stream)) = (&self.filter, &mut self.stream) {
            self.proxy.chunk = size;
            filter.on_request_body(&self.proxy, stream, size, end);
            self.proxy.chunk = 0;
        }
        // A body that goes on takes its headers along.
        match self.proxy.has_answered() || self.held == Some(Held::Request) {
            true => Action::Pause,
            false => Action::Continue,
        }
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        // What is answered is held no longer, whoever answered.
        self.catch_up();
        self.hold(None);
        self.proxy.response = Message::AtHand;
        let flow = match (&self.filter, &mut self.stream) {
            (Some(filter), Some(stream)) => filter.on_response(&self.proxy, stream, end),
            _ => Flow::Continue,
        };
        self.action(flow, Held::Response)
    }

    fn on_log(&mut self) {
        if let (Some(filter), Some(mut stream)) = (&self.filter, self.stream.take()) {
            self.proxy.request = Message::Past;
            self.proxy.response = Message::Past;
            self.proxy.end();
            filter.on_done(&self.proxy, &mut stream);
        }
    }
}

impl<F: Filter> Drop for Http<F> {
    /// The request is over: its ticket must not lead to it.
    fn drop(&mut self) {
        self.proxy.mark(State::Elsewhere);
    }
}
