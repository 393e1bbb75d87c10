//! A registry that dies while it is pushed to: an error that says so, and no tag that leads to less
//! than a whole module; when the registry is back, pushing again finishes the work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use landbridge_oci::bundle::FILTERS;
use landbridge_oci::{Client, Target, pull, push, verify};
use landbridge_testbed::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::setup::{anonymous, bundles, client, keys, target};

/// A wire to a registry that is cut once so many bytes went to it.
struct Wire {
    address: SocketAddr,
    left: Arc<AtomicI64>,
    task: JoinHandle<()>,
}

impl Wire {
    async fn to(registry: &Registry, bytes: i64) -> Self {
        let target = registry.address();
        let listener = TcpListener::bind(SocketAddr::new(target.ip(), 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let left = Arc::new(AtomicI64::new(bytes));
        let of_task = left.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, target, of_task.clone()));
            }
        });
        Self {
            address,
            left,
            task,
        }
    }

    fn carried(&self, of: i64) -> i64 {
        of - self.left.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(client: TcpStream, target: SocketAddr, left: Arc<AtomicI64>) {
    if left.load(Ordering::SeqCst) <= 0 {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let allowed = left
            .fetch_sub(read as i64, Ordering::SeqCst)
            .clamp(0, read as i64) as usize;
        if to_server.write_all(&buffer[..allowed]).await.is_err() || allowed < read {
            break;
        }
    }
    back.abort();
}

#[tokio::test]
async fn a_push_that_breaks_off_anywhere_leaves_nothing_half_under_a_tag() {
    let name = "a_push_that_breaks_off";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let (key, public) = keys(&registry, "cosign");
    let bundles = bundles();
    let plenty = i64::MAX / 2;
    let through = |wire: &Wire, round: usize| {
        Target::parse(&format!("{}/round-{round:03}:1", wire.address)).unwrap()
    };
    let wire = Wire::to(&registry, plenty).await;
    let to = through(&wire, 999);
    push::push(&client(&to), &to, &bundles, Some(&key))
        .await
        .unwrap();
    let whole = wire.carried(plenty);
    assert!(whole > 1_500_000, "{whole}");

    // Evenly, and more closely where blobs are done and manifests and tags go: the last bytes.
    let cuts = (0..8).map(|n| whole * n / 8);
    let ends = (1..=12).map(|n| whole - n * n * 400 - 600);
    let (mut tagged, mut broken) = (0, 0);
    for (round, cut) in cuts.chain(ends).enumerate() {
        let wire = Wire::to(&registry, cut).await;
        let to = through(&wire, round);
        let pushed = push::push(&client(&to), &to, &bundles, Some(&key)).await;
        // The same push takes some bytes more or less: what registries make up has no fixed length.
        let Err(why) = pushed else {
            continue;
        };
        broken += 1;
        let why = why.to_string();
        assert!(why.starts_with("cannot "), "{why}");
        assert!(why.contains(&wire.address.to_string()), "{why}");
        // What was tagged is whole, seen from elsewhere.
        let direct = Target::parse(&format!("{}/round-{round:03}:1", registry.address())).unwrap();
        for filter in FILTERS {
            let own = direct.of_filter(filter);
            for tag in registry.tags(&own.repository.path) {
                if tag.starts_with("sha256-") {
                    continue;
                }
                tagged += 1;
                let mut own = own.clone();
                own.tag = Some(tag);
                let client = client(&own);
                let pulled = pull::pull(&client, &own).await.unwrap();
                verify::verify(&client, &own.repository, &pulled, &public)
                    .await
                    .unwrap();
            }
        }
        // Before the last of the blobs there is none.
        if cut < whole / 2 {
            assert_eq!(tagged, 0, "{cut} of {whole}");
        }
        if round % 4 == 3 {
            let again = push::push(&client(&direct), &direct, &bundles, Some(&key)).await;
            assert!(again.unwrap().there > 0, "{cut} of {whole}");
        }
    }
    assert!(broken > 16, "{broken}");
}

#[tokio::test]
async fn a_registry_that_dies_midway_and_comes_back_has_no_tag() {
    let name = "a_registry_that_dies_midway";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let bundles = bundles();
    let wire = Wire::to(&registry, 500_000).await;
    let to = Target::parse(&format!("{}/landbridge:1", wire.address)).unwrap();
    let client = Client::new(&to.repository, &anonymous()).unwrap();
    push::push(&client, &to, &bundles, None).await.unwrap_err();
    registry.kill();
    let why = push::push(&client, &to, &bundles, None)
        .await
        .unwrap_err()
        .to_string();
    assert!(why.contains("does not answer"), "{why}");
    registry.restart().await.unwrap();
    for filter in FILTERS {
        let tags = registry.tags(&format!("landbridge/{filter}"));
        assert!(tags.iter().all(|tag| !tag.starts_with('1')), "{tags:?}");
    }
    let direct = target(&registry, "1");
    push::push(&crate::setup::client(&direct), &direct, &bundles, None)
        .await
        .unwrap();
}
