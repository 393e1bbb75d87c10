//! A rate-limit service, as proxies share their limits by: Envoy's protocol over gRPC, Limitador's
//! counters in memory or a [`Redis`] behind it, and faults that a test switches.
//!
//! It runs in the test's process, so that a test sees what it was asked, and asks no network but
//! the loopback's. The messages are those of `envoy-types`, generated from Envoy's own: what
//! Landbridge writes by hand is read here by somebody else.
//!
//! Every descriptor of a request is judged alone, and by all or nothing: one that is over its limit
//! takes nothing of it. That is Limitador's way; lyft's service counts what it refuses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use crate::port::Port;
use crate::runtime::Own;
use crate::{Error, net};

mod asked;
mod desk;
mod limit;
mod redis;
mod resp;
mod store;

pub use asked::{Asked, Descriptor};
pub use limit::Limit;
pub use redis::Redis;

use desk::Desk;
use store::Store;

/// More than Envoys ask at a time: one that hangs must not look like one that is full.
const STREAMS: u32 = 100_000;

/// A rate-limit service; dropping it ends it.
pub struct RateLimitService {
    port: Port,
    desk: Arc<Desk>,
    // Last, for the port is served on it.
    _runtime: Own,
}

/// What is wrong with the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Fault {
    #[default]
    None,
    Hangs,
    Fails,
    Slow(Duration),
}

impl RateLimitService {
    /// Starts one that counts in memory, and has these limits besides those that descriptors bring
    /// along.
    pub async fn start(limits: impl IntoIterator<Item = Limit>) -> Result<Self, Error> {
        Self::serve(limits, Store::memory())
    }

    /// As [`start`](Self::start), but it counts in a Redis, which services may share and which
    /// outlives them.
    pub async fn start_on(
        redis: &Redis,
        limits: impl IntoIterator<Item = Limit>,
    ) -> Result<Self, Error> {
        Self::serve(limits, Store::redis(redis.address()))
    }

    fn serve(limits: impl IntoIterator<Item = Limit>, store: Store) -> Result<Self, Error> {
        let runtime = Own::start(1)?;
        let desk = Arc::new(Desk::new(limits.into_iter().collect(), store));
        // The port that a block of addresses is claimed by is as free as any.
        let claim = net::claim(1)?.pop().ok_or(Error::NoAddresses)?;
        let answers = RateLimitServiceServer::from_arc(desk.clone());
        let converse = move |stream| converse(stream, answers.clone());
        let who = "the rate-limit service".to_owned();
        let handle = runtime.handle().clone();
        Ok(Self {
            port: Port::open(who, claim.upstream, handle, converse)?,
            desk,
            _runtime: runtime,
        })
    }

    /// Where it listens: HTTP/2 without TLS.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The requests it has had, answered or not.
    pub fn requests(&self) -> u64 {
        self.desk.count().requests
    }

    /// The hits that it was asked for.
    pub fn hits(&self) -> u64 {
        self.desk.count().hits
    }

    /// The hits that it granted. Those of descriptors without a limit are among them.
    pub fn granted(&self) -> u64 {
        self.desk.count().granted
    }

    /// What it was asked since its start or [`clear_asked`](Self::clear_asked), the oldest first:
    /// the last 262,144 requests.
    pub fn asked(&self) -> Vec<Asked> {
        self.desk.asked.all()
    }

    /// Forgets what it was asked; the counts and the counters stay.
    pub fn clear_asked(&self) {
        self.desk.asked.clear();
    }

    /// Closes its port and every connection.
    pub fn kill(&self) {
        self.port.close();
    }

    /// Opens its port again after [`kill`](Self::kill). It knows its counters still.
    pub async fn revive(&self) -> Result<(), Error> {
        self.port.reopen().await
    }

    /// From now on it takes requests and never answers.
    pub fn hang(&self) {
        self.fault(Fault::Hangs);
    }

    /// From now on it answers `UNAVAILABLE` to each request.
    pub fn fail(&self) {
        self.fault(Fault::Fails);
    }

    /// From now on each answer waits so long, on its way back: what it grants is taken before.
    pub fn delay(&self, delay: Duration) {
        self.fault(Fault::Slow(delay));
    }

    /// From now on it answers as it should. What hangs goes on hanging.
    pub fn well(&self) {
        self.fault(Fault::None);
    }

    fn fault(&self, fault: Fault) {
        *self.desk.fault.lock().expect("nobody panics with it") = fault;
    }
}

async fn converse(stream: TcpStream, answers: RateLimitServiceServer<Desk>) {
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.max_concurrent_streams(STREAMS);
    let service = TowerToHyperService::new(answers);
    // A connection that breaks is the caller's to notice.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}
