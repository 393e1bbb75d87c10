//! From `kubectl apply` to enforced: a real API server, what watches it, and real Envoys.
//!
//! In istiod's place stands the testbed's, fed by watches as istiod is. Like istiod it waits until
//! 100 ms have passed without a change (`PILOT_DEBOUNCE_AFTER`), then sends what changed.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use landbridge_conformance::kubernetes::ApiServer;
use landbridge_testbed::product::{self, from_files};
use landbridge_testbed::{Call, Mesh, Workload, eventually};
use serde_json::Value;

const CLUSTER: &str = "use1-a";
const CHANGES: usize = 10;
const PATIENCE: Duration = Duration::from_secs(60);
const DEBOUNCE: Duration = Duration::from_millis(100);
/// The kinds of which something is rendered here.
const KINDS: [&str; 5] = [
    "wasmplugins.extensions.istio.io",
    "envoyfilters.networking.istio.io",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "telemetries.telemetry.istio.io",
];

/// What the change forbids.
const SECRET: &str = "---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: secret, namespace: shop}
spec:
  target: {namespace: shop, selector: {matchLabels: {app: orders}}}
  action: DENY
  rules: [{name: nobody, to: [{operation: {paths: [/orders/secret]}}]}]
";

/// A kubectl that tells of every change to a kind; it ends when this is dropped.
struct Watch(Child);

impl Watch {
    fn start(server: &ApiServer, kind: &str, changes: Sender<Value>) -> Self {
        let mut kubectl = server.kubectl();
        kubectl
            .args([
                "get",
                kind,
                "-A",
                "--watch",
                "--output-watch-events",
                "-ojson",
            ])
            .stdout(Stdio::piped());
        let mut child = kubectl.spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let events = serde_json::Deserializer::from_reader(printed).into_iter::<Value>();
            for event in events.map_while(Result::ok) {
                if changes.send(event).is_err() {
                    return;
                }
            }
        });
        Self(child)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a cluster holds, as watches tell it.
#[derive(Default)]
struct Held(BTreeMap<String, Value>);

impl Held {
    fn change(&mut self, mut event: Value) {
        let object = event["object"].take();
        let metadata = &object["metadata"];
        let name = format!(
            "{} {} {}",
            object["kind"], metadata["namespace"], metadata["name"]
        );
        if event["type"] == "DELETED" {
            self.0.remove(&name);
        } else {
            self.0.insert(name, object);
        }
    }

    /// The next state, once changes have paused.
    fn next(&mut self, changes: &Receiver<Value>) -> Option<()> {
        self.change(changes.recv().ok()?);
        while let Ok(event) = changes.recv_timeout(DEBOUNCE) {
            self.change(event);
        }
        Some(())
    }

    fn manifests(&self) -> String {
        let texts = self.0.values().map(|object| format!("---\n{object}\n"));
        texts.collect()
    }
}

fn manifests(secret: &str) -> String {
    let read = |name: &str| {
        let file = landbridge_testbed::workspace()
            .join("deploy/example/documents")
            .join(name);
        format!("---\n{}", std::fs::read_to_string(file).unwrap())
    };
    let documents = ["mesh.yaml", "orders.yaml", "failover.yaml"]
        .map(read)
        .concat();
    let settings = product::settings(&product::unpushed(), "");
    let rendered = product::render(&format!("{documents}{secret}"), &settings);
    from_files(&rendered[CLUSTER]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_applied_is_enforced() {
    let server = ApiServer::shared();
    for namespace in ["istio-system", "shop"] {
        server.namespace(namespace);
    }
    let (open, closed) = (manifests(""), manifests(SECRET));
    server.apply(&open).unwrap();

    let (sender, changes) = channel();
    let _watches = KINDS.map(|kind| Watch::start(server, kind, sender.clone()));
    let mut held = Held::default();
    let count = open.matches("\nkind: ").count();
    while held.0.len() < count {
        held.next(&changes).unwrap();
    }
    let mesh = Mesh::builder("applied").manifests(CLUSTER, held.manifests());
    let mesh = std::sync::Arc::new(mesh.start().await.unwrap());
    let control = mesh.clone();
    let runtime = tokio::runtime::Handle::current();
    // It ends with the watches.
    let controller = std::thread::spawn(move || {
        while held.next(&changes).is_some() {
            let done = runtime.block_on(control.deliver(CLUSTER, held.manifests()));
            done.expect("what the API server holds can be delivered");
        }
    });

    let (mut applied, mut enforced) = (Vec::new(), Vec::new());
    reached(&mesh, 200).await;
    for number in 0..CHANGES {
        let (change, status) = if number % 2 == 0 {
            (&closed, 403)
        } else {
            (&open, 200)
        };
        let begun = Instant::now();
        tokio::task::block_in_place(|| server.apply(change)).unwrap();
        applied.push(begun.elapsed());
        reached(&mesh, status).await;
        enforced.push(begun.elapsed());
    }
    println!(
        "from `kubectl apply` to enforced: {}; kubectl had ended after {}; {CHANGES} changes",
        spread(enforced),
        spread(applied),
    );
    drop(_watches);
    drop(sender);
    controller.join().unwrap();
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let ms = |at: usize| times[at].as_millis();
    format!(
        "{} ms ({}–{})",
        ms(times.len() / 2),
        ms(0),
        ms(times.len() - 1)
    )
}

/// Waits until three requests in a row, each on a connection of its own and so at any worker, are
/// answered so.
async fn reached(mesh: &Mesh, status: u16) {
    let caller = Workload::new(CLUSTER, "shop", "frontend");
    let call = Call::get("/orders/secret").from(caller).to(CLUSTER);
    let all = async || {
        for _ in 0..3 {
            if mesh.call(call.clone()).await.ok()?.status != status {
                return None;
            }
        }
        Some(())
    };
    eventually(PATIENCE, "the change", all).await.unwrap();
}
