//! A cluster that one test has for itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::MutexGuard;

use landbridge_conformance::kubernetes::{ApiServer, objects};
use landbridge_conformance::rendering::Rendering;
use serde_json::Value;

/// Where the example's objects are.
const NAMESPACES: [&str; 2] = ["istio-system", "shop"];
const KINDS: &str = "wasmplugins.extensions.istio.io,trafficextensions.extensions.istio.io,\
                     envoyfilters.networking.istio.io,virtualservices.networking.istio.io,\
                     destinationrules.networking.istio.io,serviceentries.networking.istio.io,\
                     telemetries.telemetry.istio.io,peerauthentications.security.istio.io";

/// Objects by kind, namespace and name.
pub type Objects = BTreeMap<String, Value>;

/// The server, with nothing of Landbridge's in it at first, nor afterwards.
pub struct Cluster {
    server: &'static ApiServer,
    _alone: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Waits for it.
    pub fn take() -> Self {
        let server = ApiServer::shared();
        let cluster = Self {
            server,
            _alone: server.alone(),
        };
        for namespace in NAMESPACES {
            server.namespace(namespace);
        }
        cluster.clear();
        cluster
    }

    pub fn server(&self) -> &'static ApiServer {
        self.server
    }

    /// A folder for what a test makes.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }

    /// Renders into a folder of that name.
    pub fn render(&self, name: &str, documents: &str, args: &[&str]) -> Rendering {
        Rendering::new(self.folder(name), documents, args)
    }

    /// Applies manifests as a user does.
    pub fn apply(&self, manifests: &str) {
        let done = self.server.apply(manifests);
        done.unwrap_or_else(|why| panic!("refused: {why}"));
    }

    /// Everything that is there.
    pub fn objects(&self) -> Objects {
        let lists = NAMESPACES.map(|namespace| {
            let args = ["get", KINDS, "-n", namespace, "-ojson"];
            let printed = self.server.run(&args).expect("the kinds can be listed");
            let mut list: Value = serde_json::from_str(&printed).expect("kubectl prints JSON");
            let items = list["items"].take();
            serde_json::from_value::<Vec<Value>>(items).expect("a list")
        });
        by_name(lists.concat())
    }

    /// What manifests say.
    pub fn read(&self, manifests: &str) -> Objects {
        by_name(objects(self.server, manifests))
    }

    pub fn clear(&self) {
        for namespace in NAMESPACES {
            let args = ["delete", KINDS, "--all", "--wait=false", "-n", namespace];
            self.server.run(&args).expect("objects can be deleted");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.clear();
        }
    }
}

pub fn by_name(objects: Vec<Value>) -> Objects {
    let count = objects.len();
    let named: Objects = objects
        .into_iter()
        .map(|object| {
            let text = |pointer| {
                let text = object.pointer(pointer).and_then(Value::as_str);
                text.unwrap_or_else(|| panic!("no {pointer} in {object}"))
            };
            let name = format!(
                "{} {}/{}",
                text("/kind"),
                text("/metadata/namespace"),
                text("/metadata/name")
            );
            (name, object)
        })
        .collect();
    assert_eq!(named.len(), count, "two objects of one name");
    named
}

/// Insists that the server has these objects and no others, each as it was applied.
#[track_caller]
pub fn assert_holds(stored: &Objects, applied: &Objects) {
    let names = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(stored), names(applied));
    for (name, applied) in applied {
        let stored = &stored[name];
        assert_eq!(stored["spec"], applied["spec"], "{name}");
        assert_eq!(stored["apiVersion"], applied["apiVersion"], "{name}");
        for kind in ["labels", "annotations"] {
            let said = applied["metadata"][kind].as_object().into_iter().flatten();
            for (key, value) in said {
                assert_eq!(&stored["metadata"][kind][key], value, "{name}: {key}");
            }
        }
    }
}
