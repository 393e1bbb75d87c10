//! `EnvoyFilter`: changes to what istiod would send.
//!
//! None to the bootstrap: Istio has given that up, so metrics' labels are in `MeshConfig`
//! (`extraStatTags`), and in the testbed in `envoy/bootstrap.rs`.

use serde_json::Value;

use super::attach::Attachment;
use super::field::Field;
use super::recipient::Class;
use super::{Object, Problem, Recipient};

/// One patch of an `EnvoyFilter`.
#[derive(Debug, Clone)]
pub(crate) struct Patch {
    attachment: Attachment,
    context: String,
    /// The listener's port, if the patch is for one only.
    port: Option<i64>,
    change: Change,
    pub(crate) priority: i64,
}

#[derive(Debug, Clone)]
enum Change {
    Filter { place: Place, filter: Value },
    Cluster(Value),
}

#[derive(Debug, Clone)]
enum Place {
    First,
    Before(String),
    After(String),
}

const MANAGER: &str = "envoy.filters.network.http_connection_manager";

/// The patches of one object.
pub(crate) fn read(object: &Object) -> Result<Vec<Patch>, Problem> {
    let spec = Field::spec(object);
    spec.only(&[
        "workloadSelector",
        "targetRefs",
        "configPatches",
        "priority",
    ])?;
    let attachment = Attachment::read(object, "workloadSelector", "labels")?;
    let priority = match spec.get("priority") {
        Some(priority) => priority.number()?,
        None => 0,
    };
    let one = |one: Field<'_>| {
        one.only(&["applyTo", "match", "patch"])?;
        let patch = one.require("patch")?;
        patch.only(&["operation", "value"])?;
        let operation = patch.require("operation")?;
        let value = patch.require("value")?.value.clone();
        let matched = one.get("match");
        if let Some(matched) = &matched {
            matched.only(&["context", "listener", "cluster"])?;
        }
        let listener = matched.as_ref().and_then(|it| it.get("listener"));
        let apply_to = one.require("applyTo")?;
        let change = match apply_to.text()? {
            "HTTP_FILTER" => Change::Filter {
                place: place(listener.as_ref(), &operation)?,
                filter: value,
            },
            "CLUSTER" if operation.text()? == "ADD" => Change::Cluster(value),
            other => {
                let operation = operation.text()?;
                let why = format!("{operation} of {other} is not understood here");
                return Err(apply_to.problem(why));
            }
        };
        let port = listener.as_ref().and_then(|it| it.get("portNumber"));
        let context = matched.as_ref().map(|it| it.maybe("context")).transpose()?;
        Ok(Patch {
            attachment: attachment.clone(),
            context: context.flatten().unwrap_or("ANY").to_owned(),
            port: port.map(|port| port.number()).transpose()?,
            change,
            priority,
        })
    };
    spec.list("configPatches")?.into_iter().map(one).collect()
}

/// Where in the chain a filter is put.
fn place(listener: Option<&Field<'_>>, operation: &Field<'_>) -> Result<Place, Problem> {
    let mut beside = None;
    if let Some(listener) = listener {
        listener.only(&["portNumber", "filterChain"])?;
        if let Some(chain) = listener.get("filterChain") {
            chain.only(&["filter"])?;
            let filter = chain.require("filter")?;
            filter.only(&["name", "subFilter"])?;
            let name = filter.require("name")?;
            if name.text()? != MANAGER {
                return Err(name.problem("HTTP filters are in the HTTP connection manager only"));
            }
            if let Some(sub) = filter.get("subFilter") {
                sub.only(&["name"])?;
                beside = Some(sub.require("name")?.text()?.to_owned());
            }
        }
    }
    match (operation.text()?, beside) {
        ("INSERT_FIRST", None) | ("INSERT_BEFORE", None) => Ok(Place::First),
        ("INSERT_BEFORE", Some(name)) => Ok(Place::Before(name)),
        ("INSERT_AFTER", Some(name)) => Ok(Place::After(name)),
        (other, _) => Err(operation.problem(format!("`{other}` is not understood here"))),
    }
}

impl Patch {
    /// Whether it is for this listener of this proxy.
    fn applies(&self, root: &str, proxy: &Recipient, class: Class) -> bool {
        let context = self.context == "ANY" || self.context == class.context();
        context && self.attachment.applies(root, proxy)
    }
}

/// What all patches that apply make of a listener's filters.
pub(crate) fn filters<'a>(
    patches: impl Iterator<Item = &'a Patch>,
    (root, proxy): (&str, &Recipient),
    (class, port): (Class, u16),
    filters: &mut Vec<Value>,
) {
    for patch in patches {
        let Change::Filter { place, filter } = &patch.change else {
            continue;
        };
        let here = patch.port.is_none_or(|only| only == i64::from(port));
        if !here || !patch.applies(root, proxy, class) {
            continue;
        }
        let named =
            |filters: &[Value], name: &str| filters.iter().position(|it| it["name"] == name);
        let at = match place {
            Place::First => Some(0),
            Place::Before(name) => named(filters, name),
            Place::After(name) => named(filters, name).map(|at| at + 1),
        };
        // A neighbour that is not there: Istio leaves the filter out.
        if let Some(at) = at {
            filters.insert(at, filter.clone());
        }
    }
}

/// The clusters that patches add.
pub(crate) fn clusters<'a>(
    patches: impl Iterator<Item = &'a Patch>,
    root: &str,
    proxy: &Recipient,
    classes: &[Class],
) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for patch in patches {
        let Change::Cluster(cluster) = &patch.change else {
            continue;
        };
        let applies = classes
            .iter()
            .any(|class| patch.applies(root, proxy, *class));
        // Of two with one name, Istio keeps the first.
        let known = found.iter().any(|known| known["name"] == cluster["name"]);
        if applies && !known {
            found.push(cluster.clone());
        }
    }
    found
}
