//! A service that calls another one for each request, through the client sidecar of its own cluster.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::call::{Call, CallError};
use crate::connect::Way;
use crate::pool::Pool;

/// The request headers that go on: what a service of good manners hands on of a request to those
/// that it makes because of it.
const FORWARDED: [&str; 4] = [
    "x-request-deadline",
    "grpc-timeout",
    "x-criticality",
    "x-request-id",
];

/// A call that is made for each request.
pub(super) struct Onward {
    call: Call,
    pool: Pool,
}

impl Onward {
    pub(super) fn new(call: Call, way: Way) -> Self {
        Self {
            call,
            pool: Pool::new(way),
        }
    }

    /// Makes it for a request with these headers; returns the status to answer with, and what came
    /// of it. Whoever does not wait for that ends it too.
    pub(super) async fn make(&self, headers: &HeaderMap) -> (StatusCode, Value) {
        let start = Instant::now();
        let told = |echo: Value| json!({"ms": start.elapsed().as_millis() as u64, "echo": echo});
        let answer = tokio::time::timeout(self.call.timeout, self.send(headers)).await;
        match answer {
            Ok(Ok((status, echo))) => (status, told(echo)),
            Ok(Err(error)) => (StatusCode::BAD_GATEWAY, told(error.to_string().into())),
            Err(_) => (StatusCode::GATEWAY_TIMEOUT, told(Value::Null)),
        }
    }

    async fn send(&self, headers: &HeaderMap) -> Result<(StatusCode, Value), CallError> {
        let mut request = self.call.request(0)?;
        for name in FORWARDED {
            for value in headers.get_all(name) {
                request.headers_mut().append(name, value.clone());
            }
        }
        let (head, body) = self.pool.exchange(request).await?;
        let echo = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        Ok((head.status, echo))
    }
}

impl std::fmt::Debug for Onward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Onward({:?})", self.call)
    }
}
