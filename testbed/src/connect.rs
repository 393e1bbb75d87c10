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
use tokio_rustls::client::TlsStream;

use crate::call::CallError;
use crate::tls::Protocol;

/// From where, to where, in which words.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) source: IpAddr,
    pub(crate) target: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) protocol: Protocol,
}

/// A byte stream, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Way {
    pub(crate) async fn stream(&self) -> Result<Box<dyn Stream>, CallError> {
        let tcp = self.tcp().await.map_err(CallError::Connect)?;
        let Some(config) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::IpAddress(self.target.ip().into());
        let mut tls =
            TlsConnector::from(config.clone()).connect(name, tcp).await.map_err(refused)?;
        // An Envoy sends its tickets at once; one that does not is not waited for.
        match tokio::time::timeout(Duration::from_secs(1), accepted(&mut tls)).await {
            Ok(Err(error)) => Err(refused(error)),
            Ok(Ok(())) | Err(_) => Ok(Box::new(tls)),
        }
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
        let stream = TokioIo::new(self.stream().await?);
        match self.protocol {
            Protocol::Http1 => {
                let (sender, driver) = http1::Builder::new()
                    .max_headers(2048)
                    .handshake(stream)
                    .await
                    .map_err(|error| classify(&error))?;
                let driver = tokio::spawn(driver);
                Ok(Connection { sender: Sender::Http1(sender), driver: Some(driver) })
            }
            Protocol::Http2 => {
                let (sender, driver) = http2::Builder::new(TokioExecutor::new())
                    .max_header_list_size(1 << 20)
                    .handshake(stream)
                    .await
                    .map_err(|error| classify(&error))?;
                let driver = tokio::spawn(driver);
                Ok(Connection { sender: Sender::Http2(sender), driver: Some(driver) })
            }
        }
    }
}

/// Waits for the server's verdict on our certificate. In TLS 1.3 the client's
/// handshake is over before the server has judged it; the first ticket, or an
/// alert, tells. Without this wait a refusal would race with the request.
async fn accepted(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    struct Ready<'a>(&'a TcpStream);
    impl io::Read for Ready<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.try_read(buffer)
        }
    }
    let (tcp, session) = stream.get_mut();
    while session.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
        && session.tls13_tickets_received() == 0
    {
        tcp.readable().await?;
        match session.read_tls(&mut Ready(tcp)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {
                session.process_new_packets().map_err(io::Error::other)?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn refused(error: io::Error) -> CallError {
    CallError::Tls(tell(&error))
}

/// An HTTP connection that may be used again.
pub(crate) struct Connection {
    sender: Sender,
    driver: Option<JoinHandle<hyper::Result<()>>>,
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

    /// The sender often knows no more than that the connection is gone; the
    /// driver knows why.
    async fn explain(&mut self, error: &hyper::Error) -> CallError {
        let told = classify(error);
        if matches!(told, CallError::Tls(_)) {
            return told;
        }
        let Some(driver) = self.driver.take() else { return told };
        match tokio::time::timeout(Duration::from_millis(100), driver).await {
            Ok(Ok(Err(error))) => classify(&error),
            _ => told,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}

/// Finds a TLS alert in a chain of errors.
pub(crate) fn classify(error: &(dyn StdError + 'static)) -> CallError {
    let text = tell(error);
    let mut link = Some(error);
    while let Some(error) = link {
        // An `io::Error`'s source is the source of what it wraps, not what it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if error.is::<rustls::Error>() || wrapped.is_some_and(|inner| inner.is::<rustls::Error>())
        {
            return CallError::Tls(text);
        }
        link = error.source();
    }
    CallError::Http(text)
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
