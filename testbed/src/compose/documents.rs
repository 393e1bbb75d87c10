//! From the policies in a folder to what the filters are given.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use landbridge_model::{Diagnostic, Documents, FilterKind, render_for, validate, yaml};

use crate::Error;

/// What everyone may know in a testbed, and whose wishes count: those of whoever asks a sidecar.
const OPTIONS: &str = r#"{"explain":"Always","trustOwnWorkload":true}"#;

/// The `pluginConfig` of each filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configs {
    pub(super) authz: String,
    pub(super) locality: String,
    pub(super) shaping: String,
    /// How many documents they were made of.
    pub documents: usize,
}

/// Reads every `*.yaml` and `*.yml` of a folder as one set, as `landbridge render filter-config`
/// does; or says, in `Ok(Err(…))`, what is wrong with them.
pub fn read(folder: &Path) -> Result<Result<Configs, String>, Error> {
    let mut documents = Documents::default();
    let mut found = Vec::new();
    for file in files(folder)? {
        let text =
            fs::read_to_string(&file).map_err(Error::io(format!("read `{}`", file.display())))?;
        let name = file.file_name().map(|name| name.to_string_lossy());
        match yaml::read(&text, name.as_deref()) {
            Ok(read) => documents.0.extend(read.0),
            Err((read, wrong)) => {
                documents.0.extend(read.0);
                found.extend(wrong);
            }
        }
    }
    // What could not be read would be missing from the set, and be found missing once more.
    if found.is_empty() {
        found = validate::documents(&documents);
    }
    if found.iter().any(Diagnostic::is_error) {
        return Ok(Err(told(&found)));
    }
    let config = |filter| render_for(filter, &documents, None, Some(OPTIONS));
    Ok(Ok(Configs {
        authz: config(FilterKind::Authz),
        locality: config(FilterKind::Locality),
        shaping: config(FilterKind::Shaping),
        documents: documents.0.len(),
    }))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let listed = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    let mut files = listed().map_err(Error::io(format!("list `{}`", folder.display())))?;
    files.retain(|file| {
        let extension = file.extension().and_then(|it| it.to_str());
        matches!(extension, Some("yaml" | "yml"))
    });
    files.sort();
    Ok(files)
}

fn told(found: &[Diagnostic]) -> String {
    let mut text = String::new();
    for finding in found.iter().filter(|finding| finding.is_error()) {
        let _ = writeln!(text, "{finding}");
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools;

    #[test]
    fn the_policies_that_come_with_compose_are_valid() {
        let folder = tools::workspace().join("testbed/compose/policies");
        let configs = read(&folder).expect("it is there").expect("they are valid");
        assert!(configs.authz.contains("CrossClusterAuthorization"));
        assert!(configs.locality.contains("LocalityFailover"));
        assert!(configs.shaping.contains("TrafficShaping"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file() {
        let folder = std::env::temp_dir().join(format!("landbridge-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(
            folder.join("x.yaml"),
            "apiVersion: landbridge.dev/v1alpha1\nkind: Mash\n",
        )
        .expect("a file");
        let told = read(&folder)
            .expect("it is there")
            .expect_err("no such kind");
        fs::remove_dir_all(&folder).expect("it was there");
        assert!(told.contains("x.yaml") && told.contains("LB"), "{told}");
    }
}
