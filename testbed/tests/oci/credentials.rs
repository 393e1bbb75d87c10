//! Who we are to a registry, and whom we believe. The library reads docker's configuration from where
//! the environment says, so each case is a process of its own: this test program, started again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use landbridge_oci::{Client, Settings, Target, pull, push};
use landbridge_testbed::Registry;
use serde_json::{Value, json};

use crate::setup::{bundle, module, target};

const TARGET: &str = "LANDBRIDGE_TEST_TARGET";
const CA: &str = "LANDBRIDGE_TEST_CA";
const HTTPS: &str = "LANDBRIDGE_TEST_HTTPS";

/// The other process: pushes and pulls, and says how it went.
#[tokio::test]
#[ignore = "the tests beneath start it"]
async fn push_and_pull_as_told() {
    let Ok(target) = std::env::var(TARGET) else {
        return;
    };
    let target = Target::parse(&target).unwrap();
    let settings = Settings {
        ca_file: std::env::var_os(CA).map(Into::into),
        plain_http: std::env::var_os(HTTPS).map(|_| false),
        ..Settings::default()
    };
    let work = async {
        let client = Client::new(&target.repository, &settings)?;
        push::push(&client, &target, &[bundle(&module("authz"))], None).await?;
        pull::pull(&client, &target.of_filter("authz")).await
    };
    match work.await {
        Ok(_) => println!("\nit is done"),
        Err(why) => println!("\nit failed: {why}"),
    }
}

/// How it goes with this environment.
fn told(target: &Target, docker: &Path, more: &[(&str, &Path)]) -> String {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again
        .args([
            "--exact",
            "credentials::push_and_pull_as_told",
            "--ignored",
            "--nocapture",
        ])
        .env(TARGET, target.reference(""))
        .env("DOCKER_CONFIG", docker)
        .env_remove("SSL_CERT_FILE");
    for (name, value) in more {
        again.env(name, value);
    }
    let output = again.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("it is done") || said.contains("it failed"),
        "{said}"
    );
    said
}

/// A folder with docker's configuration.
fn docker(registry: &Registry, name: &str, config: &Value) -> std::path::PathBuf {
    let folder = registry.scratch().join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    folder
}

async fn guarded(name: &str) -> Option<Registry> {
    let registry = Registry::builder(name).account("ada", "secret");
    registry.start().await.unwrap()
}

#[tokio::test]
async fn what_docker_login_left_behind_is_used() {
    let Some(registry) = guarded("what_docker_login_left_behind").await else {
        return;
    };
    let host = registry.address().to_string();
    let target = target(&registry, "1");
    // base64 of `ada:secret` and `ada:wrong`
    let login = |auth: &str| json!({"auths": {&host: {"auth": auth}}});
    let good = docker(&registry, "good", &login("YWRhOnNlY3JldA=="));
    let said = told(&target, &good, &[]);
    assert!(said.contains("it is done"), "{said}");

    let bad = docker(&registry, "bad", &login("YWRhOndyb25n"));
    let said = told(&target, &bad, &[]);
    assert!(said.contains("refuses the credentials of `ada`"), "{said}");
    assert!(!said.contains("wrong"), "{said}");

    let other = docker(
        &registry,
        "other",
        &json!({"auths": {"example.com": {"auth": "YTpi"}}}),
    );
    let none = registry.scratch().join("none");
    for folder in [&other, &none] {
        let said = told(&target, folder, &[]);
        assert!(
            said.contains("wants credentials, and there are none"),
            "{said}"
        );
        assert!(said.contains(&format!("docker login {host}")), "{said}");
    }

    let broken = docker(&registry, "broken", &json!({}));
    fs::write(broken.join("config.json"), "{").unwrap();
    let said = told(&target, &broken, &[]);
    assert!(
        said.contains("config.json") && said.contains("it failed"),
        "{said}"
    );
}

#[tokio::test]
async fn a_refused_push_tags_nothing() {
    let Some(registry) = guarded("a_refused_push").await else {
        return;
    };
    let target = target(&registry, "1");
    told(&target, &registry.scratch().join("none"), &[]);
    assert!(registry.tags("landbridge/authz").is_empty());
}

/// A credential helper, as docker's are: it is asked on stdin, and answers with JSON.
fn helper(folder: &Path, name: &str, script: &str) {
    let path = folder.join(format!("docker-credential-{name}"));
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn credential_helpers_are_asked() {
    let Some(registry) = guarded("credential_helpers_are_asked").await else {
        return;
    };
    let host = registry.address().to_string();
    let target = target(&registry, "1");
    let bin = registry.scratch().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let knows = format!(
        "read server; test \"$1 $server\" = \"get {host}\" || exit 1\n\
         echo '{{\"ServerURL\": \"{host}\", \"Username\": \"ada\", \"Secret\": \"secret\"}}'"
    );
    helper(&bin, "knows", &knows);
    helper(
        &bin,
        "ignorant",
        "read _; echo 'credentials not found in native keychain'; exit 1",
    );
    helper(
        &bin,
        "broken",
        "read _; echo 'the keychain is locked' >&2; exit 1",
    );
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", bin.display());
    let path = [("PATH", Path::new(&path))];
    for (name, config, wanted) in [
        (
            "helper",
            json!({"credHelpers": {&host: "knows"}}),
            "it is done",
        ),
        ("store", json!({"credsStore": "knows"}), "it is done"),
        (
            "ignorant",
            json!({"credsStore": "ignorant"}),
            "there are none for it",
        ),
        (
            "broken",
            json!({"credsStore": "broken"}),
            "the keychain is locked",
        ),
        (
            "missing",
            json!({"credsStore": "missing"}),
            "its helper cannot be started",
        ),
    ] {
        let said = told(&target, &docker(&registry, name, &config), &path);
        assert!(said.contains(wanted), "{name}: {said}");
    }
}

#[tokio::test]
async fn a_registry_with_tls_is_believed_by_its_ca_alone() {
    let name = "a_registry_with_tls";
    let Some(registry) = Registry::builder(name).tls().start().await.unwrap() else {
        return;
    };
    let Some(other) = Registry::builder(name).tls().start().await.unwrap() else {
        return;
    };
    let target = target(&registry, "1");
    let none = registry.scratch().join("none");
    let https = (HTTPS, Path::new("yes"));
    let (ca, stranger) = (registry.ca().unwrap(), other.ca().unwrap());
    for more in [&[(CA, ca.as_path())][..], &[("SSL_CERT_FILE", &ca), https]] {
        let said = told(&target, &none, more);
        assert!(said.contains("it is done"), "{said}");
    }
    for more in [
        &[(CA, stranger.as_path())][..],
        &[("SSL_CERT_FILE", &stranger), https],
    ] {
        let said = told(&target, &none, more);
        assert!(said.contains("does not answer"), "{said}");
        assert!(said.contains("certificate"), "{said}");
    }
    // Without TLS it is asked only because it is on this machine.
    let said = told(&target, &none, &[]);
    assert!(
        said.contains("it failed") && said.contains("--plain-http=false"),
        "{said}"
    );
}
