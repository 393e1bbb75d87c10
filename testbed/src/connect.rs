//! One connection from a caller to a sidecar: its source address, its TLS, its HTTP.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::attentive::{Attentive, Verdict};
use crate::call::CallError;
use crate::tls::Protocol;

/// From where, to where, in which words.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) source: IpAddr,
    pub(crate) target: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// The server name that TLS asks for, if any.
    pub(crate) sni: Option<String>,
    pub(crate) protocol: Protocol,
}

/// A byte stream, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Way {
    pub(crate) async fn stream(&self) -> Result<(Box<dyn Stream>, Verdict), CallError> {
        let tcp = self.tcp().await.map_err(CallError::Connect)?;
        let verdict = Verdict::default();
        let Some(config) = &self.tls else {
            return Ok((Box::new(tcp), verdict));
        };
        // Of an address no server name is sent.
        let name = match &self.sni {
            Some(name) => ServerName::try_from(name.clone())
                .map_err(|error| CallError::Invalid(format!("`{name}`: {error}")))?,
            None => ServerName::IpAddress(self.target.ip().into()),
        };
        let tls = TlsConnector::from(config.clone()).connect(name, tcp).await;
        let tls = tls.map_err(|error| CallError::Tls(tell(&error)))?;
        Ok((Box::new(Attentive::new(tls, verdict.clone())), verdict))
    }

    async fn tcp(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        // Without it, ports of finished connections stay out of reach for a minute.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(self.source, 0))?;
        let tcp = socket.connect(self.target).await?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    pub(crate) async fn connection(&self) -> Result<Connection, CallError> {
        let (stream, verdict) = self.stream().await?;
        let stream = TokioIo::new(stream);
        let failed = |error| failure(&verdict, &error);
        let (sender, driver) = match self.protocol {
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder.max_headers(2048);
                let (sender, driver) = builder.handshake(stream).await.map_err(failed)?;
                (Sender::Http1(sender), tokio::spawn(driver))
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.max_header_list_size(1 << 20);
                let (sender, driver) = builder.handshake(stream).await.map_err(failed)?;
                (Sender::Http2(sender), tokio::spawn(driver))
            }
        };
        Ok(Connection {
            sender,
            driver,
            verdict,
        })
    }
}

/// An HTTP connection that may be used again.
pub(crate) struct Connection {
    sender: Sender,
    driver: JoinHandle<hyper::Result<()>>,
    verdict: Verdict,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, CallError> {
        let answer = match &mut self.sender {
            Sender::Http1(sender) => match poll_fn(|context| sender.poll_ready(context)).await {
                Ok(()) => sender.send_request(request).await,
                Err(error) => Err(error),
            },
            Sender::Http2(sender) => match poll_fn(|context| sender.poll_ready(context)).await {
                Ok(()) => sender.send_request(request).await,
                Err(error) => Err(error),
            },
        };
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.explain(&error).await),
        }
    }

    /// Whether another request may go this way.
    pub(crate) fn is_usable(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => !sender.is_closed(),
            Sender::Http2(sender) => !sender.is_closed(),
        }
    }

    /// Why a request or the body of its answer failed. The sender may know
    /// before the driver has heard what TLS says.
    pub(crate) async fn explain(&mut self, error: &hyper::Error) -> CallError {
        if self.verdict.told().is_none() && !self.driver.is_finished() {
            // A stream may fail alone: then the connection lives on.
            let _ = tokio::time::timeout(Duration::from_millis(100), &mut self.driver).await;
        }
        failure(&self.verdict, error)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What failed: TLS, if it says so, or else HTTP.
pub(crate) fn failure(verdict: &Verdict, error: &(dyn StdError + 'static)) -> CallError {
    match verdict.told() {
        Some(told) => CallError::Tls(told),
        None => CallError::Http(tell(error)),
    }
}

fn tell(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut link = error.source();
    while let Some(error) = link {
        text = format!("{text}: {error}");
        link = error.source();
    }
    text
}
