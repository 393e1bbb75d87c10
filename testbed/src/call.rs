//! A request and what comes of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::Value;

use crate::pki::{Identity, Workload};
use crate::tls::Protocol;
use crate::upstream::grpc_frame;

/// A request to the `orders` service of a cluster: by default `GET`, HTTP/1.1,
/// over mTLS, from the workload `shop/frontend` of the cluster it goes to.
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) from: Option<Identity>,
    pub(crate) to: Option<String>,
    pub(crate) gateway: Option<String>,
    pub(crate) transport: Transport,
    pub(crate) protocol: Protocol,
    pub(crate) timeout: Duration,
    pub(crate) resume: bool,
    pub(crate) sni: Option<String>,
    method: String,
    path: String,
    host: String,
    headers: Vec<(String, Vec<u8>)>,
    headers_by: Vec<(String, ByNumber)>,
    body: Bytes,
}

/// What makes a header's value of a request's number.
#[derive(Clone)]
struct ByNumber(Arc<dyn Fn(u32) -> String + Send + Sync>);

impl std::fmt::Debug for ByNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "by number, as {:?}", (self.0)(0))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// To the server sidecar or the gateway, over mTLS.
    Mtls,
    /// To one of them without TLS.
    Plaintext,
    /// To the caller's own client sidecar.
    Sidecar,
}

impl Call {
    /// `METHOD PATH`.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            from: None,
            to: None,
            gateway: None,
            transport: Transport::Mtls,
            protocol: Protocol::Http1,
            timeout: Duration::from_secs(10),
            resume: false,
            sni: None,
            method: method.into(),
            path: path.into(),
            host: "orders.shop.svc.cluster.local".to_owned(),
            headers: Vec::new(),
            headers_by: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// `GET path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// `POST path` with a body.
    pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::new("POST", path).body(body)
    }

    /// A unary gRPC call of `/package.Service/Method` with an empty message.
    pub fn grpc(method: impl Into<String>) -> Self {
        Self::post(method, grpc_frame(b""))
            .http2()
            .header("content-type", "application/grpc")
            .header("te", "trailers")
    }

    /// What it asks, in a word: `GET /orders`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Who calls: a [`Workload`] or any [`Identity`].
    #[must_use]
    pub fn from(mut self, who: impl Into<Identity>) -> Self {
        self.from = Some(who.into());
        self
    }

    /// The cluster whose service is called; needless only for
    /// [`via_sidecar`](Self::via_sidecar), which then leaves the choice to the sidecar.
    #[must_use]
    pub fn to(mut self, cluster: impl Into<String>) -> Self {
        self.to = Some(cluster.into());
        self
    }

    /// Sets the method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = method.into();
        self
    }

    /// Sets the host (`Host` or `:authority`).
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// Adds a header; the same name twice is two headers.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Adds a header that each request of a load has its own value of: `value` makes it of the
    /// request's number, from 0. See [`mix`](crate::mix) for values by share.
    #[must_use]
    pub fn header_by(
        mut self,
        name: impl Into<String>,
        value: impl Fn(u32) -> String + Send + Sync + 'static,
    ) -> Self {
        let value = ByNumber(Arc::new(value));
        self.headers_by.push((name.into(), value));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Speaks HTTP/2.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.protocol = Protocol::Http2;
        self
    }

    /// Speaks to the server sidecar, or the gateway, without TLS.
    #[must_use]
    pub fn plaintext(mut self) -> Self {
        self.transport = Transport::Plaintext;
        self
    }

    /// Goes through the client sidecar of the caller's cluster, which calls as
    /// `shop/frontend`, whoever the caller is.
    #[must_use]
    pub fn via_sidecar(mut self) -> Self {
        self.transport = Transport::Sidecar;
        self
    }

    /// Goes through the gateway of `cluster`, over mTLS or [plaintext](Self::plaintext); without [`to`](Self::to), to the service
    /// of its own cluster.
    #[must_use]
    pub fn via_gateway(mut self, cluster: impl Into<String>) -> Self {
        self.gateway = Some(cluster.into());
        self
    }

    pub(crate) fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Asks for a server name (SNI) in TLS; none is asked for if nothing is said.
    #[must_use]
    pub fn sni(mut self, name: impl Into<String>) -> Self {
        self.sni = Some(name.into());
        self
    }

    /// Offers the TLS session of one connection of a load to the next, instead of proving itself
    /// anew.
    #[must_use]
    pub fn resume_sessions(mut self) -> Self {
        self.resume = true;
        self
    }

    /// Gives up after this long; 10 s if nothing is said.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Who calls.
    pub(crate) fn caller(&self) -> Result<Identity, CallError> {
        match (&self.from, self.to.as_ref().or(self.gateway.as_ref())) {
            (Some(from), _) => Ok(from.clone()),
            (None, Some(to)) => Ok(Workload::new(to, "shop", "frontend").into()),
            (None, None) => Err(CallError::Invalid(
                "neither `from` nor `to` is set".to_owned(),
            )),
        }
    }

    /// The request of this number as hyper wants it. What hyper's types cannot say, like an
    /// ill-formed path, is for [`Mesh::raw`](crate::Mesh::raw).
    pub(crate) fn request(&self, number: u32) -> Result<Request<Full<Bytes>>, CallError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).map_err(invalid)?,
                HeaderValue::from_bytes(value).map_err(invalid)?,
            );
        }
        for (name, value) in &self.headers_by {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).map_err(invalid)?,
                HeaderValue::from_str(&(value.0)(number)).map_err(invalid)?,
            );
        }
        let is_steered = self.transport == Transport::Sidecar || self.gateway.is_some();
        if let (true, Some(to)) = (is_steered, &self.to) {
            headers.append(
                "x-landbridge-cluster",
                HeaderValue::from_str(to).map_err(invalid)?,
            );
        }
        let path: PathAndQuery = self.path.parse().map_err(invalid)?;
        let uri = match self.protocol {
            Protocol::Http1 => {
                headers.insert(http::header::HOST, self.host.parse().map_err(invalid)?);
                Uri::from(path)
            }
            Protocol::Http2 => {
                let authority: Authority = self.host.parse().map_err(invalid)?;
                let secure = self.transport == Transport::Mtls;
                let scheme = if secure { Scheme::HTTPS } else { Scheme::HTTP };
                let parts = Uri::builder().scheme(scheme).authority(authority);
                parts.path_and_query(path).build().map_err(invalid)?
            }
        };
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).map_err(invalid)?;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn invalid(error: impl std::error::Error) -> CallError {
    CallError::Invalid(error.to_string())
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The trailers, if there were any.
    pub trailers: Option<HeaderMap>,
    /// The body.
    pub body: Bytes,
    /// How long it took, connecting included.
    pub latency: Duration,
}

impl Reply {
    /// A header's first value, if it is there and UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text, what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The upstream's echo (see the crate's documentation), out of a gRPC
    /// message too; `Null` if the body is not JSON.
    pub fn json(&self) -> Value {
        let grpc = self
            .header("content-type")
            .is_some_and(|it| it.starts_with("application/grpc"));
        let from = if grpc { self.body.len().min(5) } else { 0 };
        serde_json::from_slice(&self.body[from..]).unwrap_or(Value::Null)
    }

    /// Every value of a header that the upstream received.
    pub fn received(&self, name: &str) -> Vec<String> {
        let echo = self.json();
        let headers = echo["headers"].as_array().into_iter().flatten();
        headers
            .filter(|pair| pair[0] == name)
            .filter_map(|pair| pair[1].as_str().map(str::to_owned))
            .collect()
    }

    /// The gRPC status, from the trailers or, if there was no message, the headers.
    pub fn grpc_status(&self) -> Option<u32> {
        let trailers = self
            .trailers
            .iter()
            .find_map(|trailers| trailers.get("grpc-status"));
        let status = trailers.or_else(|| self.headers.get("grpc-status"))?;
        status.to_str().ok()?.parse().ok()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nobody listens there.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// One side refused the other's certificate, or TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The connection or stream ended before the answer did, or was no HTTP.
    #[error("HTTP failed: {0}")]
    Http(String),
    /// The answer took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The request itself cannot be sent.
    #[error("not a request that can be sent: {0}")]
    Invalid(String),
    /// The mesh cannot make this call.
    #[error(transparent)]
    Mesh(#[from] crate::Error),
}
