//! `landbridge render istio`: documents as Kubernetes objects.

use super::folder;
use crate::exit::{Failure, Outcome, print};
use crate::input::{self, Input};
use crate::{proxy, report};
use landbridge_istio::{
    FailStrategy, Form, HostPort, IstioVersion, Lock, Part, Rendered, Scope, Settings,
    SettingsFile, render,
};
use landbridge_model::{ClusterName, Code, Diagnostic, Name, Value, yaml};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Print or write the objects by which Istio delivers the filters
///
/// Plugins, routes, `EnvoyFilter` and `Telemetry`, for each cluster of the mesh. The documents are
/// checked as `landbridge check` does; with errors nothing is written and the exit code is 1.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (their *.yaml, *.yml and *.json, recursively), or `-` for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// The lock file that `landbridge push` wrote
    #[arg(long, value_name = "FILE")]
    lock: PathBuf,
    /// Write DIR/CLUSTER/PART.yaml instead of printing one cluster's objects
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// What to write: manifests, or helm-values for the chart in deploy/helm (DIR/CLUSTER/values.yaml)
    #[arg(
        long = "as",
        value_name = "WHAT",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    written: Written,
    /// Only this cluster [default: all, with `-o`]
    #[arg(long, value_name = "NAME", value_parser = proxy::cluster_name)]
    cluster: Option<ClusterName>,
    /// Only these of authz, locality, shaping, routing, envoyfilters, telemetry
    #[arg(long, value_name = "PART,…", value_delimiter = ',', value_parser = word::<Part>)]
    only: Vec<Part>,
    /// A YAML file with settings; flags have the last word
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// A YAML file with the filters' options
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,
    /// In which API plugins are written: wasm-plugin or traffic-extension [default: wasm-plugin]
    #[arg(long, value_name = "FORM", value_parser = word::<Form>)]
    form: Option<Form>,
    /// What one plugin is for: mesh or namespace [default: mesh]
    #[arg(long, value_name = "SCOPE", value_parser = word::<Scope>)]
    scope: Option<Scope>,
    /// With `--scope namespace`, the namespaces that get plugins [default: those that documents name]
    #[arg(long, value_name = "NS,…", value_delimiter = ',', value_parser = proxy::name)]
    namespaces: Vec<Name>,
    /// The version of Istio that reads it [default: 1.31]
    #[arg(long, value_name = "VERSION", value_parser = istio)]
    istio: Option<IstioVersion>,
    /// The secret by which modules are pulled, in every namespace that has plugins
    #[arg(long, value_name = "NAME", value_parser = proxy::name)]
    image_pull_secret: Option<Name>,
    /// What becomes of requests where a filter breaks: FAIL_RELOAD, FAIL_CLOSE or FAIL_OPEN
    /// [default: FAIL_RELOAD, where Istio has it]
    #[arg(long, value_name = "STRATEGY", value_parser = word::<FailStrategy>)]
    fail_strategy: Option<FailStrategy>,
    /// Where the rate-limit service is that policies call by a name of their own
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    rate_limit_service: Option<HostPort>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Written {
    #[default]
    Manifests,
    HelmValues,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    if args.written == Written::HelmValues && !args.only.is_empty() {
        let message = "one file has the values of all parts: instead of `--only`, leave parts out by \
                       the chart's value `parts`";
        return Err(Failure::new(message));
    }
    let lock = lock(&args.lock)?;
    let mut input = input::read(&args.paths)?;
    proxy::need_mesh(&mut input);
    let mut settings = Settings::new(lock);
    if let Some(path) = &args.settings
        && let Some(file) = settings_file(path, &mut input)?
    {
        file.apply(&mut settings);
    }
    if let Some(path) = &args.options {
        let options = proxy::read_options(path, &mut input)?;
        settings.options = options.map(|node| node.to_json());
    }
    if input.has_errors() {
        report::findings(&input);
        report::summary(&input);
        return Ok(Outcome::Errors);
    }
    proxy::known_cluster(args.cluster.as_ref(), &input)?;
    args.overrule(&mut settings);
    if args.output.is_none() && args.cluster.is_none() {
        one_cluster(&input)?;
    }
    let rendered = match render(&input.documents, &settings) {
        Ok(rendered) => rendered,
        Err(found) => {
            input.findings.extend(found);
            input.sort();
            report::findings(&input);
            report::summary(&input);
            return Ok(Outcome::Errors);
        }
    };
    input.findings.extend(rendered.warnings.iter().cloned());
    input.sort();
    report::findings(&input);
    match (&args.output, args.written) {
        (Some(folder), Written::Manifests) => folder::write(folder, &rendered, &settings)?,
        (Some(folder), Written::HelmValues) => folder::write_values(folder, &rendered, &settings)?,
        (None, written) => print(&stream(&rendered, written)?)?,
    }
    Ok(Outcome::Fine)
}

impl Args {
    fn overrule(&self, settings: &mut Settings) {
        fn said<T: Clone>(place: &mut T, said: Option<&T>) {
            if let Some(said) = said {
                place.clone_from(said);
            }
        }
        said(&mut settings.form, self.form.as_ref());
        said(&mut settings.scope, self.scope.as_ref());
        said(&mut settings.istio, self.istio.as_ref());
        if !self.namespaces.is_empty() {
            let names = self.namespaces.iter().map(|n| n.as_str().to_owned());
            settings.namespaces = Some(names.collect());
        }
        if let Some(secret) = &self.image_pull_secret {
            settings.image_pull_secret = Some(secret.as_str().to_owned());
        }
        if self.fail_strategy.is_some() {
            settings.fail_strategy = self.fail_strategy;
        }
        if self.rate_limit_service.is_some() {
            settings
                .rate_limit_service
                .clone_from(&self.rate_limit_service);
        }
        let cluster = self.cluster.iter().map(|c| c.as_str().to_owned());
        settings.clusters = cluster.collect();
        settings.only = self.only.iter().copied().collect();
    }
}

/// One stream is applied to one cluster: with several, somebody would apply it to the wrong one.
fn one_cluster(input: &Input) -> Result<(), Failure> {
    let mesh = input.documents.meshes().next();
    let clusters = mesh.into_iter().flat_map(|mesh| mesh.spec.clusters.iter());
    if clusters.count() > 1 {
        let message = "the mesh has several clusters: name one with `--cluster`, or write them all \
                       with `-o DIR`";
        return Err(Failure::new(message));
    }
    Ok(())
}

fn stream(rendered: &Rendered, written: Written) -> Result<String, Failure> {
    let mut text = format!("{}\n", folder::HEADER);
    for cluster in &rendered.clusters {
        let own = match written {
            Written::Manifests => cluster.to_yaml(|_| true),
            Written::HelmValues => cluster.to_values(),
        };
        text.push_str(&own.map_err(Failure::new)?);
    }
    Ok(text)
}

fn lock(path: &Path) -> Result<Lock, Failure> {
    let source = input::source(path).map_err(Failure::new)?;
    let name = &source.name;
    Lock::parse(&source.text).map_err(|e| Failure::new(format!("{name}: no lock file: {e}")))
}

/// Reads the settings, in which every problem becomes a finding.
fn settings_file(path: &Path, input: &mut Input) -> Result<Option<SettingsFile>, Failure> {
    let source = input::source(path).map_err(Failure::new)?;
    let mut found = Vec::new();
    let mut settings = None;
    match yaml::trees(&source.text) {
        Err(problem) => found.push(*problem),
        Ok(trees) => {
            let trees = trees.into_iter().filter(|tree| tree.value != Value::Null);
            for (i, tree) in trees.enumerate() {
                if i > 0 {
                    let message = "expected the settings and nothing else, got a second document";
                    let mut finding = Diagnostic::new(Code::InvalidValue, "", message);
                    finding.position = tree.span.position();
                    found.push(finding);
                    break;
                }
                match SettingsFile::read(&tree) {
                    Ok(read) => settings = Some(read),
                    Err(problems) => found.extend(problems.0),
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
    Ok(settings)
}

fn word<T: FromStr<Err = String>>(s: &str) -> Result<T, String> {
    s.parse()
}

fn istio(s: &str) -> Result<IstioVersion, &'static str> {
    IstioVersion::parse(s).ok_or("expected a version of Istio from 1.24 on, as in `1.31`")
}

fn host_port(s: &str) -> Result<HostPort, &'static str> {
    HostPort::parse(s).ok_or("expected HOST:PORT")
}
