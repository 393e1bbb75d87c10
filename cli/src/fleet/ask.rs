//! Asking proxies, and the Prometheus that scrapes them, over HTTP.

use super::scrape::{self, Sample};
use super::{Proxy, Says, dump};
use crate::exit::Failure;
use reqwest::{Client, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const LARGEST: usize = 256 << 20;
/// Only what is asked of here; Envoy's names and Prometheus' alike.
const STATS: &str = "/stats?filter=landbridge.config";
const QUERY: &str = r#"{__name__=~"landbridge_config_(info|rejected_total)"} > 0"#;

/// Asks each admin interface, all at once.
pub(crate) fn admin(endpoints: &[Url]) -> Result<Vec<Proxy>, Failure> {
    run(async {
        let client = client()?;
        let mut asked = Vec::new();
        for endpoint in endpoints {
            let (client, endpoint) = (client.clone(), endpoint.clone());
            asked.push(tokio::spawn(async move {
                Proxy {
                    name: name(&endpoint),
                    says: one(&client, &endpoint).await,
                }
            }));
        }
        let mut proxies = Vec::new();
        for proxy in asked {
            let proxy = proxy.await;
            proxies.push(proxy.map_err(|e| Failure::new(format!("a proxy was not asked: {e}")))?);
        }
        Ok(proxies)
    })
}

/// What a Prometheus has of all proxies that it scrapes.
pub(crate) fn prometheus(endpoint: &Url) -> Result<Vec<Proxy>, Failure> {
    let failure = |e: String| Failure::new(format!("{endpoint}: {e}"));
    let text = run(async {
        let mut url = at(endpoint, "/api/v1/query").map_err(failure)?;
        url.query_pairs_mut().append_pair("query", QUERY);
        get(&client()?, url).await.map_err(failure)
    })?;
    let answer: Value = serde_json::from_str(&text).map_err(|e| failure(e.to_string()))?;
    let series = answer.pointer("/data/result").and_then(Value::as_array);
    let Some(series) = series else {
        return Err(failure("the answer is not a Prometheus'".to_owned()));
    };
    let mut proxies: BTreeMap<String, Says> = BTreeMap::new();
    for one in series {
        if let Some((name, sample)) = sample(one) {
            scrape::take(proxies.entry(name).or_default(), &sample);
        }
    }
    let proxies = proxies.into_iter().map(|(name, mut says)| {
        says.in_force.sort();
        Proxy {
            name,
            says: Ok(says),
        }
    });
    Ok(proxies.collect())
}

/// A text that was scraped before.
pub(crate) fn scraped(name: &str, text: &str) -> Proxy {
    Proxy {
        name: name.to_owned(),
        says: Ok(scrape::read(text)),
    }
}

/// One series of an answer, and the proxy that it is of.
fn sample(series: &Value) -> Option<(String, Sample)> {
    let labels = series.get("metric")?.as_object()?;
    let label = |key: &str| labels.get(key).and_then(Value::as_str);
    // Where Kubernetes was asked which pods there are, a pod says more than its address.
    let name = match (label("namespace"), label("pod")) {
        (Some(namespace), Some(pod)) => format!("{namespace}/{pod}"),
        _ => label("instance").unwrap_or("?").to_owned(),
    };
    let name = match label("cluster") {
        Some(cluster) => format!("{cluster}/{name}"),
        None => name,
    };
    let (_, what) = label("__name__")?.split_once("landbridge_config_")?;
    let tags = labels.iter().filter_map(|(key, value)| {
        let value = value.as_str()?;
        Some((key.clone(), value.to_owned()))
    });
    let sample = Sample {
        what: what.to_owned(),
        tags: tags.collect(),
        value: series.pointer("/value/1")?.as_str()?.parse().ok()?,
    };
    Some((name, sample))
}

async fn one(client: &Client, endpoint: &Url) -> Result<Says, String> {
    let mut says = scrape::read(&get(client, at(endpoint, STATS)?).await?);
    let text = get(client, at(endpoint, "/config_dump")?).await?;
    says.given = dump::read(&text)?;
    Ok(says)
}

fn name(endpoint: &Url) -> String {
    let host = endpoint.host_str().unwrap_or("?");
    match endpoint.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A path below an endpoint, which may have one of its own (behind an ingress).
fn at(endpoint: &Url, path: &str) -> Result<Url, String> {
    let base = endpoint.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}{path}")).map_err(|e| e.to_string())
}

async fn get(client: &Client, url: Url) -> Result<String, String> {
    let answer = client.get(url).send().await.map_err(|e| reason(&e))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("answers {status}"));
    }
    let mut answer = answer;
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| reason(&e))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err(format!("the answer is larger than {LARGEST} bytes"));
        }
    }
    String::from_utf8(bytes).map_err(|_| "the answer is not UTF-8".to_owned())
}

/// The innermost reason, which is the one that says something.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn client() -> Result<Client, Failure> {
    // Someone else may have done it before: any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(PATIENCE).no_proxy();
    let client = client.redirect(reqwest::redirect::Policy::none()).build();
    client.map_err(|e| Failure::new(format!("cannot ask over HTTP: {}", reason(&e))))
}

fn run<T>(asks: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("cannot ask over HTTP: {e}")))?;
    runtime.block_on(asks)
}
