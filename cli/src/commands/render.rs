//! `landbridge render`: documents as a proxy is given them.

use crate::exit::{Failure, Outcome, print};
use crate::input::{self, Input};
use crate::report;
use landbridge_model::{
    ClusterName, Code, Diagnostic, Limits, Name, Node, Options, Path, RawConfig, Value, decode,
    render, validate, yaml,
};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Render documents as what a mesh is given
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    FilterConfig(FilterConfig),
}

/// Print a filter's pluginConfig, as JSON
///
/// The documents are checked as `landbridge check` does; with errors nothing is printed and the
/// exit code is 1.
#[derive(clap::Args)]
struct FilterConfig {
    /// Files, directories (their *.yaml, *.yml and *.json, recursively), or `-` for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// The filter that will read it
    #[arg(long)]
    filter: Filter,
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
    /// Indent the JSON
    #[arg(long)]
    pretty: bool,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Filter {
    /// Cross-cluster authorization
    Authz,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    match &args.what {
        What::FilterConfig(args) => filter_config(args),
    }
}

fn filter_config(args: &FilterConfig) -> Result<Outcome, Failure> {
    let Filter::Authz = args.filter;
    let mut input = input::read(&args.paths)?;
    if input.documents.meshes().next().is_none() && !input.has_errors() {
        let message = "there is no `Mesh`, and a filter needs one";
        let hint = "give the file with the `Mesh` as well";
        let finding = Diagnostic::new(Code::NoMesh, "", message).hint(hint);
        input.findings.push(finding);
    }
    let options = args.options.as_ref();
    let options = options
        .map(|path| read_options(path, &mut input))
        .transpose()?
        .flatten();
    if input.has_errors() {
        report::findings(&input);
        report::summary(&input);
        return Ok(Outcome::Errors);
    }
    known_cluster(args.cluster.as_ref(), &input)?;
    let local = local(args)?;
    let options = options.map(|node| node.to_json());
    let json = render(&input.documents, local.as_deref(), options.as_deref());
    input.findings.extend(verify(&json));
    report::findings(&input);
    if input.has_errors() {
        report::summary(&input);
        return Ok(Outcome::Errors);
    }
    let text = if args.pretty { pretty(&json)? } else { json };
    let text = format!("{text}\n");
    match &args.output {
        Some(path) => fs::write(path, text)
            .map_err(|e| Failure::new(format!("cannot write to {}: {e}", path.display())))?,
        None => print(&text)?,
    }
    Ok(Outcome::Fine)
}

/// Reads the options, in which every problem becomes a finding.
fn read_options(path: &std::path::Path, input: &mut Input) -> Result<Option<Node>, Failure> {
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
                if let Some(mesh) = input.documents.meshes().next()
                    && let Some(trusted) = &options.trusted_callers
                {
                    let names = validate::Names::new(&mesh.spec);
                    let at = Path::Origin;
                    let mut findings = validate::Findings::default();
                    validate::sources(
                        trusted.iter(),
                        &names,
                        at.push_key("trustedCallers"),
                        &mut findings,
                    );
                    found.extend(findings.placed(node, at));
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

fn known_cluster(cluster: Option<&ClusterName>, input: &Input) -> Result<(), Failure> {
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
fn local(args: &FilterConfig) -> Result<Option<String>, Failure> {
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

/// Reads what was rendered as a filter does: its limits are its own.
fn verify(json: &str) -> Vec<Diagnostic> {
    match RawConfig::read(json.as_bytes(), &Limits::default()) {
        Err(found) => found,
        Ok(config) => config
            .documents()
            .filter_map(Result::err)
            .flatten()
            .collect(),
    }
}

fn pretty(json: &str) -> Result<String, Failure> {
    let node: Node = serde_json::from_str(json)
        .map_err(|e| Failure::new(format!("what was rendered is not JSON: {e}")))?;
    serde_json::to_string_pretty(&Written(&node))
        .map_err(|e| Failure::new(format!("cannot write JSON: {e}")))
}

/// A tree, its keys in the order they were written in.
struct Written<'a>(&'a Node);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Integer(n) => serializer.serialize_u64(*n),
            Value::Negative(n) => serializer.serialize_i64(*n),
            Value::Float(x) => serializer.serialize_f64(*x),
            Value::String(s) => serializer.serialize_str(s),
            Value::Sequence(nodes) => {
                let mut list = serializer.serialize_seq(Some(nodes.len()))?;
                for node in nodes {
                    list.serialize_element(&Written(node))?;
                }
                list.end()
            }
            Value::Map(entries) => {
                let mut mapping = serializer.serialize_map(Some(entries.len()))?;
                for entry in entries {
                    mapping.serialize_entry(&entry.key, &Written(&entry.node))?;
                }
                mapping.end()
            }
        }
    }
}

fn cluster_name(s: &str) -> Result<ClusterName, &'static str> {
    ClusterName::new(s).ok_or("not a name")
}

fn name(s: &str) -> Result<Name, &'static str> {
    Name::new(s).ok_or("not a name")
}

fn label(s: &str) -> Result<(String, String), &'static str> {
    match s.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE"),
    }
}
