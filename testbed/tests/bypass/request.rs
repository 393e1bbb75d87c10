//! A request that can be said in both HTTPs, nothing of it checked.

use std::borrow::Cow;

use landbridge_testbed::{RawField, RawStream};

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Vec<u8>,
    path: Vec<u8>,
    host: Option<Vec<u8>>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Request {
    /// `GET path` of the host `orders.shop`.
    pub fn get(path: impl AsRef<[u8]>) -> Self {
        Self::new("GET", path)
    }

    /// `method path` of the host `orders.shop`.
    pub fn new(method: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.as_ref().to_vec(),
            path: path.as_ref().to_vec(),
            host: Some(b"orders.shop".to_vec()),
            fields: Vec::new(),
        }
    }

    /// Another `Host` or `:authority`.
    pub fn host(mut self, host: impl AsRef<[u8]>) -> Self {
        self.host = Some(host.as_ref().to_vec());
        self
    }

    /// Neither `Host` nor `:authority`.
    pub fn no_host(mut self) -> Self {
        self.host = None;
        self
    }

    /// One more header. In HTTP/2 its name is put in lower case, or it could not be sent at all.
    pub fn with(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let field = (name.as_ref().to_vec(), value.as_ref().to_vec());
        self.fields.push(field);
        self
    }

    /// The bytes of HTTP/1.1; the connection is closed after the answer.
    pub fn http1(&self) -> Vec<u8> {
        let mut bytes = [&self.method[..], b" ", &self.path, b" HTTP/1.1\r\n"].concat();
        let host = self.host.iter().map(|host| (&b"host"[..], &host[..]));
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| (&name[..], &value[..]));
        for (name, value) in host.chain(fields) {
            bytes.extend([name, b": ", value, b"\r\n"].concat());
        }
        if !self.fields.iter().any(|(name, _)| name == b"connection") {
            bytes.extend(b"connection: close\r\n");
        }
        bytes.extend(b"\r\n");
        bytes
    }

    /// The same in fields of HTTP/2.
    pub fn http2(&self) -> RawStream<'_> {
        let mut fields: Vec<RawField<'_>> = vec![
            pair(b":method", &self.method),
            pair(b":scheme", b"https"),
            pair(b":path", &self.path),
        ];
        fields.extend(self.host.iter().map(|host| pair(b":authority", host)));
        for (name, value) in &self.fields {
            fields.push((name.to_ascii_lowercase().into(), value.into()));
        }
        RawStream {
            fields,
            ..RawStream::default()
        }
    }
}

/// A field of HTTP/2.
pub fn pair<'a>(name: &'a [u8], value: &'a [u8]) -> RawField<'a> {
    (Cow::from(name), Cow::from(value))
}
