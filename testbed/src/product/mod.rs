//! The whole product: modules in a registry, documents rendered for Istio, and the mesh that comes of
//! both.

mod store;

use std::collections::BTreeMap;

use landbridge_istio::{Lock, Module, Settings, SettingsFile};
use landbridge_model::{Node, validate, yaml};

pub use store::store;

use crate::{Error, Registry, tools};

/// The filters that there are.
pub const FILTERS: [&str; 3] = ["authz", "locality", "shaping"];

/// Stores the modules that were built in a registry, in the layout that Istio takes; returns the lock
/// file that says where they are.
pub async fn push(registry: &Registry) -> Result<Lock, Error> {
    let mut modules = BTreeMap::new();
    for name in FILTERS {
        let module = tools::filter(name)?;
        let module =
            std::fs::read(&module).map_err(Error::io(format!("read `{}`", module.display())))?;
        let repository = format!("landbridge/{name}");
        let digest = store(registry.address(), &repository, "0.1.0", &module).await?;
        let reference = Some(format!("{}/{repository}:0.1.0", registry.address()));
        modules.insert(name.to_owned(), Module { reference, digest });
    }
    Ok(Lock {
        version: "0.1.0".to_owned(),
        modules,
    })
}

/// Settings for these modules, by the words of a settings file (YAML).
pub fn settings(lock: &Lock, file: &str) -> Settings {
    let mut settings = Settings::new(lock.clone());
    if let Some(tree) = trees(file).first() {
        let file = SettingsFile::read(tree);
        let file = file.unwrap_or_else(|found| panic!("the settings: {found:#?}"));
        file.apply(&mut settings);
    }
    settings
}

/// A tree as JSON, for settings that are written so.
pub fn json(yaml: &str) -> String {
    trees(yaml).first().map_or_else(String::new, Node::to_json)
}

fn trees(text: &str) -> Vec<Node> {
    yaml::trees(text).unwrap_or_else(|found| panic!("not YAML: {found:#?}"))
}

/// The manifests of each cluster, as `landbridge render istio` writes them.
///
/// # Panics
///
/// If something is wrong with the documents: they are the test's own.
pub fn render(documents: &str, settings: &Settings) -> BTreeMap<String, String> {
    let documents = yaml::read(documents, None).unwrap_or_else(|(_, found)| panic!("{found:#?}"));
    let found = validate::documents(&documents);
    assert!(
        !found.iter().any(landbridge_model::Diagnostic::is_error),
        "{found:#?}"
    );
    let rendered = landbridge_istio::render(&documents, settings);
    let rendered = rendered.unwrap_or_else(|found| panic!("{found:#?}"));
    let clusters = rendered.clusters.into_iter().map(|cluster| {
        let yaml = cluster.to_yaml(|_| true);
        let yaml = yaml.unwrap_or_else(|why| panic!("{why}"));
        (cluster.cluster, yaml)
    });
    clusters.collect()
}

/// A lock file for modules that nobody fetches, for where only the rest of what is rendered matters.
pub fn unpushed() -> Lock {
    let module = |name: &str| Module {
        reference: Some(format!("127.0.0.1:5000/landbridge/{name}:0.1.0")),
        digest: format!("sha256:{}", "0".repeat(64)),
    };
    let modules = FILTERS
        .iter()
        .map(|name| ((*name).to_owned(), module(name)));
    Lock {
        version: "0.1.0".to_owned(),
        modules: modules.collect(),
    }
}

/// Manifests whose modules are files of this machine, in the place of images of [`unpushed`].
pub fn from_files(manifests: &str) -> Result<String, Error> {
    let mut manifests = manifests.to_owned();
    let pin = "0".repeat(64);
    for name in FILTERS {
        let image = format!("oci://127.0.0.1:5000/landbridge/{name}@sha256:{pin}");
        let file = format!("file://{}", tools::filter(name)?.display());
        manifests = manifests.replace(&image, &file);
    }
    Ok(manifests)
}

/// The `pluginConfig` of each plugin of a cluster's manifests, by the plugin's name.
pub fn plugin_configs(manifests: &str) -> Result<BTreeMap<String, String>, Error> {
    let manifests = crate::istio::Manifests::parse(manifests)?;
    let plugins = manifests.of("extensions.istio.io", "WasmPlugin");
    let configs = plugins.map(|object| {
        let config = object.spec()["pluginConfig"].to_string();
        (object.name.clone(), config)
    });
    Ok(configs.collect())
}
