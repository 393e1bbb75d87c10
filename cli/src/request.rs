//! The request that flags describe.

use crate::exit::Failure;
use landbridge_model::{Diagnostic, Node, Path, Request, decode};
use serde_json::{Map, Value};

/// The request, as in a case of a `PolicyTest`.
#[derive(clap::Args)]
#[command(next_help_heading = "The request")]
pub(crate) struct Asked {
    /// The caller's cluster [default: a caller without a certificate]
    #[arg(long, value_name = "CLUSTER")]
    from: Option<String>,
    /// The caller's namespace [default: shop]
    #[arg(long, value_name = "NS", requires = "from")]
    from_namespace: Option<String>,
    /// The caller's service account [default: frontend]
    #[arg(long, value_name = "NAME", requires = "from")]
    from_account: Option<String>,
    /// The caller's SPIFFE ID, without spiffe://
    #[arg(long, value_name = "ID", conflicts_with = "from")]
    from_principal: Option<String>,
    /// The issuer of the caller's certificate, as Envoy prints it
    #[arg(long, value_name = "DN")]
    issuer: Option<String>,
    /// The method [default: GET]
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// The host [default: orders.shop.svc.cluster.local]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The path, with its query [default: /]
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The port it arrives at [default: 8080]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// A header
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The claims of its token, as JSON [default: no token]
    #[arg(long, value_name = "JSON", value_parser = claims)]
    claims: Option<Value>,
    /// The address that the connection comes from [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    source_ip: Option<String>,
    /// The client's address, as forwarded [default: the same]
    #[arg(long, value_name = "IP")]
    remote_ip: Option<String>,
    /// The server name in TLS
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// The service that a waypoint found it to be for, as its host name
    #[arg(long, value_name = "HOST")]
    service: Option<String>,
    /// When it arrives, in UTC, e.g. 2026-12-01T00:00:00Z [default: not known]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
}

impl Asked {
    /// The caller's cluster.
    pub(crate) fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// The request, read as a `PolicyTest` would be: a value that is none is told in the same words.
    pub(crate) fn read(&self) -> Result<Request, Failure> {
        let mut from = Map::new();
        let mut request = Map::new();
        let put = |map: &mut Map<String, Value>, key: &str, value: &Option<String>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), value.as_str().into());
            }
        };
        put(&mut from, "cluster", &self.from);
        put(&mut from, "namespace", &self.from_namespace);
        put(&mut from, "serviceAccount", &self.from_account);
        put(&mut from, "principal", &self.from_principal);
        put(&mut from, "issuer", &self.issuer);
        for (key, value) in [
            ("method", &self.method),
            ("host", &self.host),
            ("path", &self.path),
            ("sourceIp", &self.source_ip),
            ("remoteIp", &self.remote_ip),
            ("sni", &self.sni),
            ("service", &self.service),
            ("time", &self.time),
        ] {
            put(&mut request, key, value);
        }
        if !from.is_empty() {
            request.insert("from".to_owned(), from.into());
        }
        let port = self.port.map(Value::from);
        request.extend(port.map(|port| ("port".to_owned(), port)));
        request.extend(
            self.claims
                .clone()
                .map(|claims| ("claims".to_owned(), claims)),
        );
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        if headers.len() < self.headers.len() {
            return Err(Failure::new(
                "a header is given twice: the filter would refuse it",
            ));
        }
        request.insert("headers".to_owned(), headers.into());
        let json = Value::from(request).to_string();
        let node: Node = serde_json::from_str(&json)
            .map_err(|e| Failure::new(format!("cannot read the request: {e}")))?;
        decode(&node, Path::Origin).map_err(|problems| {
            let amiss = |d: &Diagnostic| match &d.hint {
                Some(hint) => format!("the request's `{}`: {}: {hint}", d.path, d.message),
                None => format!("the request's `{}`: {}", d.path, d.message),
            };
            Failure(problems.0.iter().map(amiss).collect())
        })
    }
}

fn header(s: &str) -> Result<(String, String), &'static str> {
    match s.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            Ok((name.to_ascii_lowercase(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE"),
    }
}

fn claims(s: &str) -> Result<Value, String> {
    match serde_json::from_str(s) {
        Ok(claims @ Value::Object(_)) => Ok(claims),
        Ok(_) => Err("expected an object".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}
