//! `landbridge inspect`: what a mesh was given, as documents again.
//!
//! What is packed cannot be read, and neither can a set be compared with the files that it came of.
//! So the documents are written as an author would have: what comes out goes through
//! `landbridge check`.

use crate::exit::{Failure, Outcome, print};
use crate::input::{self, Source};
use crate::plugin_config::{self, Found, Read};
use landbridge_model::{API_VERSION, Diagnostic, Entry, ISTIO_API_VERSIONS, Node, Span, Value};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

/// Show a filter's configuration, packed or not, as the documents in it
///
/// Reads a pluginConfig, a WasmPlugin, a TrafficExtension, or what `kubectl get -o yaml` printed,
/// and writes the Mesh and the policies as YAML that `landbridge check` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A file, or `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    path: PathBuf,
    /// Print one JSON object for each configuration, in a list
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let source = input::source(&args.path).map_err(Failure::new)?;
    let (read, wrong) = read(&source)?;
    for diagnostic in &wrong {
        tell(&diagnostic.to_string());
    }
    if args.json {
        print(&as_json(&read)?)?;
    } else {
        print(&as_yaml(&read)?)?;
    }
    Ok(match wrong.is_empty() {
        true => Outcome::Fine,
        false => Outcome::Errors,
    })
}

type Configurations = Vec<(Found, Read)>;

/// The configurations that can be read, and what is wrong with the others.
fn read(source: &Source) -> Result<(Configurations, Vec<Diagnostic>), Failure> {
    let found = match plugin_config::find(source) {
        Ok(found) => found,
        Err(diagnostic) => return Ok((Vec::new(), vec![*diagnostic])),
    };
    if found.is_empty() {
        return Err(Failure::new(format!(
            "{}: no configuration of a Landbridge filter in it; there should be a pluginConfig, a WasmPlugin, a TrafficExtension or a list of them",
            source.name
        )));
    }
    let mut read = Vec::new();
    let mut wrong = Vec::new();
    for found in found {
        match found.read() {
            Ok(config) => read.push((found, config)),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    Ok((read, wrong))
}

/// The documents, each once: several filters have the same mesh, and several clusters the same
/// policies.
fn as_yaml(configurations: &Configurations) -> Result<String, Failure> {
    let mut text = String::new();
    let mut documents = String::new();
    let mut written: BTreeSet<String> = BTreeSet::new();
    let mut meshes: usize = 0;
    for (found, read) in configurations {
        text.push_str(&heading(found, read));
        for document in documents_of(read) {
            let yaml = yaml(&document)?;
            if written.contains(&yaml) {
                continue;
            }
            if document.get("kind").and_then(Node::as_str) == Some("Mesh") {
                meshes = meshes.saturating_add(1);
            }
            documents.push_str("---\n");
            documents.push_str(&yaml);
            written.insert(yaml);
        }
    }
    if meshes > 1 {
        tell(&format!(
            "warning: the configurations are of {meshes} different meshes, and `landbridge check` takes one: inspect one at a time",
        ));
    }
    text.push_str(&documents);
    Ok(text)
}

/// What is no document, as a comment.
fn heading(found: &Found, read: &Read) -> String {
    let size = match read.unpacked {
        Some(unpacked) => format!("{} bytes packed, {unpacked} unpacked", read.delivered),
        None => format!("{} bytes", read.delivered),
    };
    let policies = match read.policies.len() {
        1 => "1 policy".to_owned(),
        n => format!("{n} policies"),
    };
    let mut text = format!(
        "# {}: digest {}, {policies}, {size}\n",
        found.place, read.digest
    );
    for part in ["local", "options"] {
        if let Some(node) = read.head.get(part) {
            text.push_str(&format!("# {part}: {}\n", node.to_json()));
        }
    }
    text
}

/// The mesh and the policies, in the envelope that documents have.
fn documents_of(read: &Read) -> Vec<Node> {
    let text = |text: &str| Node::bare(Value::String(text.to_owned()));
    let part = |node: Option<&Node>| node.cloned().unwrap_or(Node::bare(Value::Null));
    let document = |version, kind, metadata, spec| {
        let fields = [
            ("apiVersion", text(version)),
            ("kind", kind),
            ("metadata", metadata),
            ("spec", spec),
        ];
        Node::bare(Value::Map(fields.map(entry).into()))
    };
    // What it was called is not told to filters.
    let name = Node::bare(Value::Map(vec![entry(("name", text("mesh")))]));
    let mesh = part(read.head.get("mesh"));
    let mesh = document(API_VERSION, text("Mesh"), name, mesh);
    let policies = read.policies.iter().map(|policy| {
        let of_istio = policy.get("kind").and_then(Node::as_str) == Some("AuthorizationPolicy");
        let version = match of_istio {
            true => ISTIO_API_VERSIONS.first().copied().unwrap_or_default(),
            false => API_VERSION,
        };
        let [kind, metadata, spec] = ["kind", "metadata", "spec"].map(|key| part(policy.get(key)));
        document(version, kind, metadata, spec)
    });
    std::iter::once(mesh).chain(policies).collect()
}

fn entry((key, node): (&str, Node)) -> Entry {
    Entry {
        key: key.to_owned(),
        key_span: Span::default(),
        node,
    }
}

/// As readers of YAML 1.1 take for the same, too.
fn yaml(value: &Node) -> Result<String, Failure> {
    let options = serde_saphyr::ser_options! {
        yaml_12: false,
        prefer_block_scalars: false,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, value, options)
        .map_err(|e| Failure::new(format!("cannot write YAML: {e}")))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    place: &'a str,
    digest: String,
    bytes: usize,
    unpacked_bytes: Option<usize>,
    policies: usize,
    local: Option<&'a Node>,
    options: Option<&'a Node>,
    documents: Vec<Node>,
}

fn as_json(configurations: &Configurations) -> Result<String, Failure> {
    fn report((found, read): &(Found, Read)) -> Report<'_> {
        Report {
            place: &found.place,
            digest: read.digest.to_string(),
            bytes: read.delivered,
            unpacked_bytes: read.unpacked,
            policies: read.policies.len(),
            local: read.head.get("local"),
            options: read.head.get("options"),
            documents: documents_of(read),
        }
    }
    let reports: Vec<Report> = configurations.iter().map(report).collect();
    let text = serde_json::to_string_pretty(&reports)
        .map_err(|e| Failure::new(format!("cannot write JSON: {e}")))?;
    Ok(text + "\n")
}

fn tell(line: &str) {
    // With stderr gone, the exit code is all that can still be told.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
