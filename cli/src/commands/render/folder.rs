//! What was rendered, as a folder for each cluster.
//!
//! A folder is written over and over, and may be in a repository beside what people wrote. So files
//! are known by their first line: one that has it was written here, and may be changed or removed;
//! one that has not is never touched.

use crate::exit::Failure;
use landbridge_istio::{Part, Rendered, Settings, mesh_config, yaml};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The first line of what was written here.
pub(super) const HEADER: &str =
    "# Rendered by landbridge: change the documents that it was made of, not this.";
const KUSTOMIZATION: &str = "kustomization.yaml";
const VALUES: &str = "values.yaml";
/// What belongs to Istio's own installation, and is the same for all clusters.
const MESH_CONFIG: &str = "mesh-config.yaml";

/// Writes the folders, and removes what an earlier render wrote and this one does not.
pub(super) fn write(
    folder: &Path,
    rendered: &Rendered,
    settings: &Settings,
) -> Result<(), Failure> {
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    for cluster in &rendered.clusters {
        let own = folder.join(&cluster.cluster);
        for part in cluster.parts() {
            let text = cluster.to_yaml(|object| object.part == part);
            files.insert(own.join(file(part)), text.map_err(Failure::new)?);
        }
    }
    if settings.wants(Part::Telemetry) {
        let text = yaml(&mesh_config(&settings.access_log)).map_err(Failure::new)?;
        files.insert(folder.join(MESH_CONFIG), text);
    }
    let stale = stale(folder, rendered, &files, settings)?;
    for cluster in &rendered.clusters {
        let own = folder.join(&cluster.cluster);
        let mut resources = Vec::new();
        for part in Part::ALL {
            let path = own.join(file(*part));
            let kept = !stale.contains(&path) && is_ours(&path)? == Some(true);
            if files.contains_key(&path) || kept {
                resources.push(file(*part));
            }
        }
        let text = yaml(&json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": resources,
        }));
        files.insert(own.join(KUSTOMIZATION), text.map_err(Failure::new)?);
    }
    put(&files, stale)
}

/// Writes the chart's values for each cluster, and removes those of clusters that are gone.
pub(super) fn write_values(
    folder: &Path,
    rendered: &Rendered,
    settings: &Settings,
) -> Result<(), Failure> {
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    for cluster in &rendered.clusters {
        let path = folder.join(&cluster.cluster).join(VALUES);
        files.insert(path, cluster.to_values().map_err(Failure::new)?);
    }
    let mut stale = Vec::new();
    if settings.clusters.is_empty() {
        for name in names(folder)? {
            let path = folder.join(name).join(VALUES);
            if !files.contains_key(&path) && path.is_file() && is_ours(&path)? == Some(true) {
                stale.push(path);
            }
        }
    }
    put(&files, stale)
}

fn put(files: &BTreeMap<PathBuf, String>, stale: Vec<PathBuf>) -> Result<(), Failure> {
    // All is looked at before anything is changed.
    for path in files.keys() {
        if is_ours(path)? == Some(false) {
            return Err(Failure::new(format!(
                "{}: not written by landbridge, and in the way: move it elsewhere",
                path.display()
            )));
        }
    }
    for (path, text) in files {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| failure(parent, &e))?;
        }
        fs::write(path, format!("{HEADER}\n{text}")).map_err(|e| failure(path, &e))?;
    }
    for path in stale {
        fs::remove_file(&path).map_err(|e| failure(&path, &e))?;
        // The folder of a cluster that is gone goes with its last file.
        if let Some(parent) = path.parent() {
            let _ = fs::remove_dir(parent);
        }
    }
    Ok(())
}

fn file(part: Part) -> String {
    format!("{}.yaml", part.as_str())
}

/// What an earlier render wrote and this one does not: of the parts that it was asked for, and of
/// one cluster alone where it was asked for one.
fn stale(
    folder: &Path,
    rendered: &Rendered,
    files: &BTreeMap<PathBuf, String>,
    settings: &Settings,
) -> Result<Vec<PathBuf>, Failure> {
    let mut stale = Vec::new();
    for name in names(folder)? {
        let own = folder.join(&name);
        let asked = settings.clusters.is_empty() || settings.clusters.contains(&name);
        if !own.is_dir() || !asked {
            continue;
        }
        let is_there = rendered.clusters.iter().any(|one| one.cluster == name);
        for name in names(&own)? {
            let path = own.join(&name);
            let mut parts = Part::ALL.iter().filter(|part| settings.wants(**part));
            let may_go = match name == KUSTOMIZATION {
                true => !is_there && settings.only.is_empty(),
                false => parts.any(|part| file(*part) == name),
            };
            if may_go && !files.contains_key(&path) && is_ours(&path)? == Some(true) {
                stale.push(path);
            }
        }
    }
    Ok(stale)
}

/// The names in a folder, sorted; none, where there is no folder.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| failure(folder, &e))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| failure(folder, &e))?.file_name();
        names.extend(name.into_string());
    }
    names.sort();
    Ok(names)
}

/// Whether a file was written here; nothing, where there is none.
fn is_ours(path: &Path) -> Result<Option<bool>, Failure> {
    match fs::read(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failure(path, &e)),
        Ok(bytes) => Ok(Some(bytes.starts_with(HEADER.as_bytes()))),
    }
}

fn failure(path: &Path, e: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {e}", path.display()))
}
