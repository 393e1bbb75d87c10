//! Documents as the Kubernetes objects by which Istio delivers them.
//!
//! [`render`] is pure: documents and [`Settings`] in, for each cluster of the mesh its [`Object`]s
//! out, always the same in the same order. It reads no file and asks no cluster, so what it makes
//! can be reviewed, compared and kept in a repository.
//!
//! A key design decision here is that a proxy still decides which policies are for it. A plugin has
//! all policies that could apply to one of its proxies (`reach` leaves out the others), and the
//! filter knows its own workload; so one plugin serves a whole mesh, and one that reaches a proxy it
//! was not meant for does nothing that the policies did not say. What must be decided here is that
//! no two plugins of one filter meet at one proxy: see `unit`. In which order filters stand is told
//! in `plugin`.
//!
//! What Istio would take and then ignore is an error here, with a code of its own: see `refuse`.

mod config;
mod direction;
mod envoy_filter;
mod file;
mod lock;
mod object;
mod plugin;
mod rate_limit;
mod reach;
mod refuse;
mod routing;
mod settings;
mod telemetry;
mod unit;

pub use file::SettingsFile;
pub use lock::{Lock, Module};
pub use object::{Object, yaml};
pub use settings::{
    AccessLog, BackendPlace, FailStrategy, Form, Gateway, HostPort, IstioVersion, Part, Routing,
    Scope, Settings, Waypoint,
};
pub use telemetry::{STAT_TAGS, mesh_config};

use landbridge_model::{
    Code, Content, Diagnostic, Document, Documents, Mesh, Name, ROOT_NAMESPACE,
};
use serde_json::{Map, json};
use std::collections::BTreeSet;

/// What was rendered.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The clusters, in the order of the mesh.
    pub clusters: Vec<ClusterObjects>,
    /// What is worth knowing.
    pub warnings: Vec<Diagnostic>,
}

/// What one cluster is given.
#[derive(Clone, Debug)]
pub struct ClusterObjects {
    /// The cluster.
    pub cluster: String,
    /// The objects, in the order in which they are written.
    pub objects: Vec<Object>,
}

impl ClusterObjects {
    /// Some of the objects as a stream of YAML documents.
    pub fn to_yaml(&self, wanted: impl Fn(&Object) -> bool) -> Result<String, String> {
        let mut text = String::new();
        for object in self.objects.iter().filter(|object| wanted(object)) {
            text.push_str("---\n");
            text.push_str(&yaml(&object.value)?);
        }
        Ok(text)
    }

    /// The same objects as values of the chart in `deploy/helm`: `rendered`, and in it a list for
    /// each part.
    pub fn to_values(&self) -> Result<String, String> {
        let mut parts = Map::new();
        for object in &self.objects {
            let list = parts
                .entry(object.part.as_str())
                .or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(object.value.clone());
            }
        }
        yaml(&json!({"rendered": parts}))
    }

    /// The parts that there are objects of.
    pub fn parts(&self) -> BTreeSet<Part> {
        self.objects.iter().map(|object| object.part).collect()
    }
}

/// Renders documents, which must be valid and have a `Mesh`. Every error is in the result; warnings
/// are among them, so that nothing is told twice.
pub fn render(documents: &Documents, settings: &Settings) -> Result<Rendered, Vec<Diagnostic>> {
    let is_mesh = |d: &&Document| matches!(d.content, Content::Mesh(_));
    let (Some(mesh), Some(spec)) = (documents.0.iter().find(is_mesh), documents.meshes().next())
    else {
        let message = "there is no `Mesh`, and every filter needs one";
        return Err(vec![Diagnostic::new(Code::NoMesh, "", message)]);
    };
    let istio = spec.spec.istio.as_ref();
    let root = istio.and_then(|istio| istio.root_namespace.as_ref());
    let root = root.map_or(ROOT_NAMESPACE, Name::as_str);
    let mut found = Vec::new();
    refuse::settings(settings, root, &mut found);
    refuse::documents(documents, settings, root, &mut found);
    let mut clusters = Vec::new();
    for cluster in spec.spec.clusters.iter() {
        let name = cluster.name.as_str();
        if !settings.clusters.is_empty() && !settings.clusters.contains(name) {
            continue;
        }
        let own = Cluster {
            documents,
            mesh,
            spec: &spec.spec,
            settings,
            root,
            name,
        };
        let mut objects = own.objects(&mut found);
        objects.sort_by(Object::order);
        refuse::same_names(&objects, &mut found);
        clusters.push(ClusterObjects {
            cluster: name.to_owned(),
            objects,
        });
    }
    let parts: BTreeSet<Part> = clusters.iter().flat_map(ClusterObjects::parts).collect();
    refuse::fails(parts.into_iter(), settings, &mut found);
    // What is wrong is so for each cluster.
    let mut told: Vec<Diagnostic> = Vec::new();
    for finding in found {
        if !told.contains(&finding) {
            told.push(finding);
        }
    }
    match told.iter().any(Diagnostic::is_error) {
        true => Err(told),
        false => Ok(Rendered {
            clusters,
            warnings: told,
        }),
    }
}

struct Cluster<'a> {
    documents: &'a Documents,
    mesh: &'a Document,
    spec: &'a Mesh,
    settings: &'a Settings,
    root: &'a str,
    name: &'a str,
}

impl Cluster<'_> {
    fn objects(&self, found: &mut Vec<Diagnostic>) -> Vec<Object> {
        let settings = self.settings;
        let units = unit::units(self.documents, settings, self.root, self.name);
        let mut objects = Vec::new();
        for unit in &units {
            if !settings.wants(unit.role.part_of()) {
                continue;
            }
            let pinned = match settings.lock.pinned(unit.role.filter()) {
                Ok(pinned) => pinned,
                Err((message, hint)) => {
                    let path = format!("modules.{}", plugin::module(unit.role));
                    found.push(Diagnostic::new(Code::NoModule, path, message).hint(hint));
                    continue;
                }
            };
            match plugin::plugin(unit, self.mesh, settings, pinned) {
                Ok(object) => {
                    refuse::unit(unit, object.size(), found);
                    refuse::waypoint(unit, self.spec, found);
                    objects.push(object);
                }
                Err(message) => found.push(Diagnostic::new(Code::InvalidValue, "options", message)),
            }
        }
        if settings.wants(Part::Routing) {
            let routes = routing::objects(self.documents, settings, self.root, self.name, found);
            objects.extend(routes);
        }
        let homes: BTreeSet<&str> = match settings.scope {
            Scope::Mesh if units.is_empty() => BTreeSet::new(),
            Scope::Mesh => BTreeSet::from([self.root]),
            Scope::Namespace => units.iter().map(|unit| unit.namespace.as_str()).collect(),
        };
        if settings.wants(Part::EnvoyFilters) {
            let shaping = units.iter().flat_map(|unit| &unit.policies);
            let names = rate_limit::unknown(shaping, settings, found);
            for home in &homes {
                objects.push(envoy_filter::issuer(home));
                if let (Some(service), false) = (&settings.rate_limit_service, names.is_empty()) {
                    let names = names.iter().map(String::as_str);
                    objects.push(envoy_filter::rate_limit(home, names, service));
                }
            }
        }
        if settings.wants(Part::Telemetry) {
            let log = &settings.access_log;
            objects.extend(homes.iter().map(|home| telemetry::telemetry(home, log)));
        }
        objects
    }
}
