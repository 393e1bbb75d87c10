//! gRPC calls.

use crate::log;
use landbridge_host::{CallId, GrpcCall, Host};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// What is called, once by each worker.
pub(crate) struct Calls {
    wanted: Vec<Wanted>,
    made: Cell<bool>,
    pending: RefCell<Vec<(CallId, Wanted)>>,
}

#[derive(Clone)]
struct Wanted {
    cluster: String,
    method: String,
    timeout: Duration,
    authority: Option<String>,
}

impl Calls {
    pub(crate) fn new(configuration: &str) -> Option<Self> {
        let lines = configuration.lines();
        let wanted = lines.filter_map(|line| line.strip_prefix("call "));
        Some(Self {
            wanted: wanted.map(Wanted::new).collect::<Option<_>>()?,
            made: Cell::new(false),
            pending: RefCell::default(),
        })
    }

    pub(crate) fn tick(&self, host: &dyn Host) {
        if self.made.replace(true) {
            return;
        }
        for wanted in &self.wanted {
            let call = host.call_grpc(&GrpcCall {
                cluster: &wanted.cluster,
                authority: wanted.authority.as_deref(),
                service: "check.Check",
                method: &wanted.method,
                metadata: &[("x-check", b"a"), ("x-check", b"\xc3\xa9")],
                message: b"ping",
                timeout: wanted.timeout,
            });
            match call {
                Ok(id) => self.pending.borrow_mut().push((id, wanted.clone())),
                Err(error) => log(host, &format!("{} not called: {error}", wanted.name())),
            }
        }
    }

    pub(crate) fn answered(&self, host: &dyn Host, id: CallId, answer: Result<usize, u32>) {
        let mut pending = self.pending.borrow_mut();
        let found = pending.iter().position(|(pending, _)| *pending == id);
        let Some(found) = found else {
            log(host, &format!("nobody called {}", id.0));
            return;
        };
        let (_, wanted) = pending.swap_remove(found);
        let line = match answer {
            Err(status) => format!("{} failed: {status}", wanted.name()),
            Ok(size) => {
                let message = host.grpc_message(size).unwrap_or_default();
                let message = String::from_utf8_lossy(&message).into_owned();
                format!("{} answered: {size} {message}", wanted.name())
            }
        };
        log(host, &line);
    }
}

impl Wanted {
    fn new(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        Some(Self {
            cluster: words.next()?.to_owned(),
            method: words.next()?.to_owned(),
            timeout: Duration::from_millis(words.next()?.parse().ok()?),
            authority: words.next().map(str::to_owned),
        })
    }

    fn name(&self) -> String {
        format!("{}/{}", self.cluster, self.method)
    }
}
