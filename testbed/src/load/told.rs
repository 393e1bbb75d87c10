//! What an answer says besides its status.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::Collected;

#[derive(Default)]
pub(super) struct Told {
    pub(super) decision: Option<String>,
    pub(super) served: Option<String>,
    pub(super) served_by: Option<String>,
    pub(super) failover: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) ratelimit: Option<String>,
    pub(super) ratelimit_policy: Option<String>,
    pub(super) grpc_status: Option<u32>,
}

impl Told {
    pub(super) fn of(headers: &HeaderMap, body: Collected<Bytes>) -> Self {
        let header = |name| {
            let value: &http::HeaderValue = headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let trailing = body.trailers().and_then(grpc_status);
        Self {
            decision: header("x-landbridge-decision"),
            served: served(&body.to_bytes()),
            served_by: header("x-landbridge-served-by"),
            failover: header("x-landbridge-failover"),
            retry_after: header("retry-after"),
            ratelimit: header("ratelimit"),
            ratelimit_policy: header("ratelimit-policy"),
            grpc_status: trailing.or_else(|| grpc_status(headers)),
        }
    }
}

fn grpc_status(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// The cluster that an echo names. It is sought in the text: to parse the echo, with all of its
/// headers, would cost the load more than the rest of the answer. A quote within a value has a
/// backslash before it, so only the field itself is found.
fn served(echo: &[u8]) -> Option<String> {
    const FIELD: &[u8] = br#""cluster":""#;
    let at = echo.windows(FIELD.len()).position(|part| part == FIELD)?;
    let name = &echo[at + FIELD.len()..];
    let end = name.iter().position(|byte| *byte == b'"')?;
    Some(String::from_utf8_lossy(&name[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_names_its_cluster_wherever_that_stands() {
        let tricky = serde_json::json!({
            "authority": "a\"cluster\":\"no", "cluster": "use1-a", "headers": [["cluster", "x"]],
        });
        let echo = tricky.to_string();
        assert_eq!(served(echo.as_bytes()).as_deref(), Some("use1-a"));
        assert_eq!(served(b"no healthy upstream"), None);
        assert_eq!(served(b""), None);
    }
}
