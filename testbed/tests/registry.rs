//! The registry of the harness is a real one, with the habits that tests rely on.

use landbridge_testbed::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a registry answers to `GET /v2/`, headers and all.
async fn ask(registry: &Registry, authorization: &str) -> String {
    let mut stream = TcpStream::connect(registry.address()).await.unwrap();
    let request = format!(
        "GET /v2/ HTTP/1.1\r\nhost: {}\r\n{authorization}connection: close\r\n\r\n",
        registry.address()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

#[tokio::test]
async fn a_registry_answers_until_it_is_killed_and_again_when_restarted() {
    let name = "a_registry_answers_until_it_is_killed";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    assert!(ask(&registry, "").await.starts_with("HTTP/1.1 200 "));
    assert!(registry.storage().is_dir());
    registry.kill();
    TcpStream::connect(registry.address()).await.unwrap_err();
    registry.restart().await.unwrap();
    assert!(ask(&registry, "").await.starts_with("HTTP/1.1 200 "));
    let stored = registry.storage();
    drop(registry);
    assert!(!stored.exists());
}

#[tokio::test]
async fn a_registry_with_accounts_lets_only_those_in() {
    let name = "a_registry_with_accounts";
    let registry = Registry::builder(name).account("ada", "secret");
    let Some(registry) = registry.start().await.unwrap() else {
        return;
    };
    // base64 of `ada:secret` and `ada:wrong`
    for (authorization, status) in [
        ("", "401"),
        ("authorization: Basic YWRhOnNlY3JldA==\r\n", "200"),
        ("authorization: Basic YWRhOndyb25n\r\n", "401"),
    ] {
        let reply = ask(&registry, authorization).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
    }
}
