//! The proxy that a configuration is for: what flags say of it, and the configuration it gets.

use crate::exit::Failure;
use crate::input::{self, Input};
use landbridge_model::{
    ClusterName, Code, Diagnostic, FilterKind, Name, Node, Options, Path, Value, decode,
    render_for, validate, yaml,
};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the proxy is, and how its filter behaves.
#[derive(clap::Args)]
pub(crate) struct Proxy {
    /// The cluster that the proxy is in [default: the proxy's own node metadata]
    #[arg(long, value_name = "NAME", value_parser = cluster_name)]
    cluster: Option<ClusterName>,
    /// The namespace of the proxy's workload [default: the proxy's own node metadata]
    #[arg(long, value_name = "NS", value_parser = name)]
    namespace: Option<Name>,
    /// A label of the proxy's workload [default: the proxy's own node metadata]
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// A YAML file with the filter's options
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,
}

/// The configuration that documents make for a proxy; `None`, where something is wrong with them or
/// with the options, which is then among the findings.
pub(crate) fn config(
    filter: FilterKind,
    proxy: &Proxy,
    input: &mut Input,
) -> Result<Option<String>, Failure> {
    need_mesh(input);
    let options = proxy.options.as_ref();
    let options = options
        .map(|path| read_options(path, input))
        .transpose()?
        .flatten();
    if input.has_errors() {
        return Ok(None);
    }
    known_cluster(proxy.cluster.as_ref(), input)?;
    let local = local(proxy)?;
    let options = options.map(|node| node.to_json());
    Ok(Some(render_for(
        filter,
        &input.documents,
        local.as_deref(),
        options.as_deref(),
    )))
}

/// What a filter cannot be without.
pub(crate) fn need_mesh(input: &mut Input) {
    if input.documents.meshes().next().is_none() && !input.has_errors() {
        let message = "there is no `Mesh`, and a filter needs one";
        let hint = "give the file with the `Mesh` as well";
        let finding = Diagnostic::new(Code::NoMesh, "", message).hint(hint);
        input.findings.push(finding);
    }
}

/// Reads the options, in which every problem becomes a finding.
pub(crate) fn read_options(
    path: &std::path::Path,
    input: &mut Input,
) -> Result<Option<Node>, Failure> {
    let source = input::source(path).map_err(Failure::new)?;
    let mut found = Vec::new();
    let mut options = None;
    match yaml::trees(&source.text) {
        Err(problem) => found.push(*problem),
        Ok(trees) => {
            let mut trees = trees.into_iter().filter(|tree| tree.value != Value::Null);
            // A file of comments alone has no options, which is fine.
            options = trees.next();
            if let Some(second) = trees.next() {
                let message = "expected the options and nothing else, got a second document";
                let mut finding = Diagnostic::new(Code::InvalidValue, "", message);
                finding.position = second.span.position();
                found.push(finding);
            }
        }
    }
    if let Some(node) = &options {
        match decode::<Options>(node, Path::Origin) {
            Err(problems) => found.extend(problems.0),
            Ok(options) => {
                if let Some(mesh) = input.documents.meshes().next() {
                    let names = validate::Names::new(&mesh.spec);
                    let mut findings = validate::Findings::default();
                    validate::options(&options, &names, Path::Origin, &mut findings);
                    found.extend(findings.placed(node, Path::Origin));
                }
            }
        }
    }
    for finding in &mut found {
        finding.file = Some(source.name.clone());
    }
    input.sources.push(source);
    input.findings.extend(found);
    input.sort();
    Ok(options)
}

pub(crate) fn known_cluster(cluster: Option<&ClusterName>, input: &Input) -> Result<(), Failure> {
    let (Some(cluster), Some(mesh)) = (cluster, input.documents.meshes().next()) else {
        return Ok(());
    };
    let clusters = || mesh.spec.clusters.iter().map(|c| &c.name);
    if clusters().any(|name| name == cluster) {
        return Ok(());
    }
    let there: Vec<String> = clusters().map(|name| format!("`{name}`")).collect();
    Err(Failure::new(format!(
        "the mesh has no cluster `{cluster}`; there is {}",
        there.join(", ")
    )))
}

/// What the flags say of the proxy; nothing, where none is given.
fn local(args: &Proxy) -> Result<Option<String>, Failure> {
    #[derive(serde::Serialize)]
    struct Local<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        cluster: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        labels: BTreeMap<&'a str, &'a str>,
    }
    if args.cluster.is_none() && args.namespace.is_none() && args.labels.is_empty() {
        return Ok(None);
    }
    let mut labels = BTreeMap::new();
    for (key, value) in &args.labels {
        if labels.insert(key.as_str(), value.as_str()).is_some() {
            return Err(Failure::new(format!("label `{key}` is given twice")));
        }
    }
    let local = Local {
        cluster: args.cluster.as_ref().map(ClusterName::as_str),
        namespace: args.namespace.as_ref().map(Name::as_str),
        labels,
    };
    serde_json::to_string(&local)
        .map(Some)
        .map_err(|e| Failure::new(format!("cannot write JSON: {e}")))
}

pub(crate) fn cluster_name(s: &str) -> Result<ClusterName, &'static str> {
    ClusterName::new(s).ok_or("not a name")
}

pub(crate) fn name(s: &str) -> Result<Name, &'static str> {
    Name::new(s).ok_or("not a name")
}

fn label(s: &str) -> Result<(String, String), &'static str> {
    match s.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE"),
    }
}
