//! One request over a connection of its own, to a name as well as to an address.

use std::time::Instant;

use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Call, CallError, Reply};

/// Sends a call in plaintext to whatever listens at `HOST:PORT`, such as a client sidecar.
pub async fn send(address: &str, call: Call) -> Result<Reply, CallError> {
    let patience = call.timeout;
    let answer = timeout(patience, exchange(address, call.via_sidecar()));
    answer.await.unwrap_or(Err(CallError::Timeout(patience)))
}

async fn exchange(address: &str, call: Call) -> Result<Reply, CallError> {
    let start = Instant::now();
    let failed = |error: hyper::Error| CallError::Http(error.to_string());
    let request = call.request(0)?;
    let stream = TcpStream::connect(address).await;
    let stream = TokioIo::new(stream.map_err(CallError::Connect)?);
    let (mut sender, driver) = http1::handshake(stream).await.map_err(failed)?;
    let driver = tokio::spawn(driver);
    let answer = sender.send_request(request).await.map_err(failed);
    let (head, body) = answer?.into_parts();
    let body = body.collect().await.map_err(failed)?.to_bytes();
    driver.abort();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        trailers: None,
        body,
        latency: start.elapsed(),
    })
}
