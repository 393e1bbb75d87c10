//! A gRPC service, made by hand: it echoes, refuses, or says nothing.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

/// Starts it, for as long as the test's runtime lives.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(answer);
            let server = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, &'static str> {
    let (head, body) = request.into_parts();
    let message = body.collect().await.map_err(|_| "broken off")?.to_bytes();
    let metadata = head.headers.get_all("x-check").iter();
    let metadata: Vec<_> = metadata.map(|it| it.as_bytes()).collect();
    let said = format!(
        "{} {} {} {:?} {:?}",
        head.uri.path(),
        head.uri.authority().map_or("", |it| it.as_str()),
        String::from_utf8_lossy(&metadata.join(&b'+')),
        head.headers.get("grpc-timeout"),
        message.get(5..),
    );
    match head.uri.path().rsplit('/').next() {
        Some("Echo") => Ok(with_status(Some(said.as_bytes()), "0")),
        Some("Empty") => Ok(with_status(Some(b""), "0")),
        Some("Nothing") => Ok(with_status(None, "0")),
        Some("Refuse") => Ok(with_status(None, "8")),
        Some("Late") => Ok(with_status(Some(b"and yet"), "13")),
        Some("Reset") => Err("told to fail"),
        Some("Plain") => Ok(Response::new(Full::new(said.into()).boxed())),
        _ => std::future::pending().await,
    }
}

/// A message, if there is one, and a status behind it.
fn with_status(message: Option<&[u8]>, status: &'static str) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static(status));
    let mut frame = BytesMut::new();
    if let Some(message) = message {
        frame.put_u8(0);
        frame.put_u32(message.len() as u32);
        frame.put_slice(message);
    }
    let body = Full::new(frame.freeze());
    let body = body.with_trailers(async { Some(Ok(trailers)) }).boxed();
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(body).unwrap()
}
