//! The mesh that runs, from outside.

use std::process::Command;
use std::time::Duration;

use landbridge_testbed::{Call, CallError, Reply, compose, eventually};

/// How long the mesh may take for what it does by itself; a machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The ports on this machine at which the client sidecars take requests.
pub(crate) fn sidecar(cluster: &str) -> &'static str {
    match cluster {
        "use1-a" => "127.0.0.1:15101",
        "use1-b" => "127.0.0.1:15102",
        _ => "127.0.0.1:15103",
    }
}

/// A call of `shop/frontend` in a cluster, through its sidecar.
pub(crate) async fn call(from: &str, call: Call) -> Result<Reply, CallError> {
    compose::send(sidecar(from), call.timeout(Duration::from_secs(20))).await
}

/// Waits for a reply that is as wished.
pub(crate) async fn until(from: &str, what: Call, wish: impl Fn(&Reply) -> bool) -> Reply {
    let mut last = None;
    let replied = eventually(PATIENCE, "a reply", async || {
        match call(from, what.clone()).await {
            Ok(reply) if wish(&reply) => return Some(reply),
            other => last = Some(other.map(|reply| (reply.status, reply.headers))),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        None
    });
    match replied.await {
        Ok(reply) => reply,
        Err(error) => panic!("{error}; the last one: {last:?}"),
    }
}

/// Waits for a request to be served by one of these.
pub(crate) async fn served(from: &str, by: &[&str]) -> Reply {
    until(from, Call::get("/orders"), |reply| {
        reply.status == 200 && by.contains(&reply.json()["cluster"].as_str().unwrap_or_default())
    })
    .await
}

/// Runs a command of docker's; what it printed, on both streams.
pub(crate) fn docker(args: &[&str]) -> Result<String, String> {
    let docker = std::env::var_os("LANDBRIDGE_DOCKER").unwrap_or_else(|| "docker".into());
    let output = Command::new(docker).args(args).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(text.into_owned())
    } else {
        Err(format!("docker {args:?}: {text}"))
    }
}
