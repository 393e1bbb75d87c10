//! The service behind every server sidecar: it answers with what it was asked,
//! and fails when a test says so. HTTP/1.1, HTTP/2 without TLS, and enough gRPC.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::Error;
use crate::call::Call;
use crate::connect::Way;
use crate::kept::Kept;
use crate::port::Port;

/// A request header that asks for an answer of at least so many bytes.
const SIZE: &str = "x-testbed-size";
/// The most that is heeded of it.
const LARGEST: usize = 16 << 20;

mod behaviour;
mod onward;
mod seen;
mod workers;

use behaviour::{Behaviour, Capacity, Fate, Share};
use onward::Onward;
pub(crate) use seen::ENDPOINT;
pub use seen::Seen;
use workers::Workshop;
pub use workers::{Tally, Work, Workers};

/// How an upstream fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Failure {
    /// It answers.
    #[default]
    None,
    /// It drops the request without an answer: HTTP/1.1 closes the connection,
    /// HTTP/2 resets the stream.
    Reset,
}

/// An echo service; made by the mesh, steered by a test.
#[derive(Debug)]
pub struct Upstream {
    shared: Arc<Shared>,
    port: Port,
}

#[derive(Debug)]
struct Shared {
    cluster: String,
    requests: AtomicU64,
    behaviour: Mutex<Behaviour>,
    seen: Kept<Seen>,
}

impl Shared {
    /// Decides what becomes of a request, and notes it.
    fn receive(&self, head: &Parts) -> Fate {
        let now = Instant::now();
        let mut seen = Seen::new(now, head);
        let endpoint = seen.endpoint.as_ref().and_then(|it| it.parse().ok());
        let mut behaviour = self.behaviour.lock().expect("nobody panics with it");
        let fate = behaviour.decide(&seen.path, endpoint, now);
        drop(behaviour);
        seen.status = fate.status.map(|status| status.as_u16());
        self.seen.push(seen);
        fate
    }
}

impl Upstream {
    /// Serves on `listener`, on the runtime that `runtime` names.
    pub(crate) fn start(
        cluster: &str,
        listener: std::net::TcpListener,
        runtime: Handle,
    ) -> Result<Self, Error> {
        let shared = Shared {
            cluster: cluster.to_owned(),
            requests: AtomicU64::new(0),
            behaviour: Mutex::new(Behaviour::new()),
            seen: Kept::default(),
        };
        let shared = Arc::new(shared);
        let answers = shared.clone();
        let who = format!("the upstream of `{cluster}`");
        let serve = move |stream| converse(stream, answers.clone());
        let port = Port::open(who, listener, runtime, serve)?;
        Ok(Self { shared, port })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Every answer has this status from now on. For gRPC it stays 200.
    pub fn set_status(&self, status: u16) {
        let status = valid(status);
        self.behave(|behaviour| behaviour.status = status);
    }

    /// Every answer waits this long from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.behave(|behaviour| behaviour.delay = delay);
    }

    /// Every request fails so from now on.
    pub fn set_failure(&self, failure: Failure) {
        self.behave(|behaviour| behaviour.failure = failure);
    }

    /// This percentage of the answers has this status from now on, the others the
    /// usual one. They are spread evenly, not by chance: of 30 %, three in every ten.
    pub fn set_error_share(&self, percent: f64, status: u16) {
        let share = Share::new(percent, valid(status));
        self.behave(|behaviour| behaviour.errors = share);
    }

    /// Requests that came in at these endpoints of the cluster, health checks among
    /// them, are answered with this status from now on; with no endpoint, none is.
    pub fn set_failing_endpoints(&self, endpoints: impl IntoIterator<Item = u32>, status: u16) {
        let failing = (endpoints.into_iter().collect(), valid(status));
        self.behave(|behaviour| behaviour.failing = failing);
    }

    /// Beyond this many requests per second it answers 503 from now on; what comes
    /// within 100 ms may come at once.
    pub fn set_capacity(&self, rate: Option<f64>) {
        self.behave(|behaviour| behaviour.capacity = rate.map(Capacity::new));
    }

    /// As [`set_capacity`](Self::set_capacity), but it is cold: it can do a tenth of this until the
    /// first request comes that is no health check, and all of it so long after that.
    pub fn set_cold(&self, rate: f64, warm: Duration) {
        self.behave(|behaviour| behaviour.capacity = Some(Capacity::cold(rate, warm)));
    }

    /// From now on it works on so many requests at a time, and the others wait. With none, nobody
    /// works, and answers come at once; what waits is worked on still.
    pub fn set_workers(&self, workers: impl Into<Option<Workers>>) {
        let workshop = workers.into().map(|it| Arc::new(Workshop::new(it)));
        self.behave(|behaviour| behaviour.workshop = workshop);
    }

    /// What its workers have done since they were [set](Self::set_workers).
    pub fn work(&self) -> Work {
        let mut workshop = None;
        self.behave(|behaviour| workshop.clone_from(&behaviour.workshop));
        workshop.map(|it| it.work()).unwrap_or_default()
    }

    /// See [`Mesh::call_on`](crate::Mesh::call_on).
    pub(crate) fn set_onward(&self, onward: Option<(Call, Way)>) {
        let onward = onward.map(|(call, way)| Arc::new(Onward::new(call, way)));
        self.behave(|behaviour| behaviour.onward = onward);
    }

    /// What it has received since its start or [`clear_seen`](Self::clear_seen),
    /// the oldest first: the last 262,144 requests.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.all()
    }

    /// Forgets what it has received; [`requests`](Self::requests) goes on counting.
    pub fn clear_seen(&self) {
        self.shared.seen.clear();
    }

    /// The requests it has received, answered or not.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Closes its port and every connection.
    pub fn kill(&self) {
        self.port.close();
    }

    /// Opens its port again after [`kill`](Self::kill).
    pub async fn restart(&self) -> Result<(), Error> {
        self.port.reopen().await
    }

    /// Whether its port is open.
    pub fn is_alive(&self) -> bool {
        self.port.is_open()
    }

    fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.lock().expect("nobody panics with it"));
    }
}

fn valid(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status is between 100 and 999")
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(shared.clone(), request));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().max_headers(2048);
    server.http2().max_header_list_size(1 << 20);
    // A connection that breaks is the caller's to notice.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, &'static str> {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    let Fate {
        delay,
        workshop,
        onward,
        status,
    } = shared.receive(&head);
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
    let Some(mut status) = status else {
        return Err("told to fail");
    };
    if let Some(workshop) = workshop
        && workshop.serve(&head.headers).await.is_err()
    {
        status = StatusCode::SERVICE_UNAVAILABLE;
    }
    let onward = match onward {
        Some(onward) if status.is_success() => Some(onward.make(&head.headers).await),
        _ => None,
    };
    if let Some((told, _)) = &onward {
        status = *told;
    }
    let body_len = match body.collect().await {
        Ok(body) => body.to_bytes().len(),
        Err(_) => return Err("the request broke off"),
    };
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let mut echo = json!({
        "cluster": shared.cluster,
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map_or("", |path| path.as_str()),
        "authority": head.uri.authority().map(|authority| authority.as_str()),
        "version": format!("{:?}", head.version),
        "headers": headers,
        "body_len": body_len,
    });
    if let Some((_, told)) = onward {
        echo["onward"] = told;
    }
    let echo = padded(echo.to_string(), &head.headers);
    let response = Response::builder();
    let grpc = head.headers.get(http::header::CONTENT_TYPE);
    let response = if grpc.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        response
            .header(http::header::CONTENT_TYPE, "application/grpc")
            .body(
                Full::new(grpc_frame(echo.as_bytes()))
                    .with_trailers(async { Some(Ok(trailers)) })
                    .boxed(),
            )
    } else {
        response
            .status(status)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(echo)).boxed())
    };
    Ok(response.expect("all its parts are valid"))
}

/// Spaces behind JSON are JSON still.
fn padded(mut echo: String, headers: &HeaderMap) -> String {
    let wanted = headers.get(SIZE).and_then(|size| size.to_str().ok());
    let wanted = wanted.and_then(|size| size.parse().ok()).unwrap_or(0);
    let missing = usize::min(wanted, LARGEST).saturating_sub(echo.len());
    echo.extend(std::iter::repeat_n(' ', missing));
    echo
}

/// One uncompressed gRPC message.
pub(crate) fn grpc_frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("a test's message is short"));
    frame.put_slice(message);
    frame.freeze()
}
