//! What Cargo builds the filters from.
//!
//! `cargo tree` is asked and not `cargo metadata`: that one switches on the features that any package
//! of the workspace wants, and would list a testing library as part of a filter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::bundle::FILTERS;
use crate::{Error, Result};

/// What the modules are built for: crates for other systems are not in them.
const TARGET: &str = "wasm32-wasip1";

/// A crate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: Option<String>,
    /// Whether it is of the checkout.
    pub(super) ours: bool,
}

impl Package {
    /// Its name in the document. Cargo's own ids hold the path of the checkout.
    pub(super) fn reference(&self) -> String {
        let kind = if self.ours { "landbridge" } else { "cargo" };
        format!("pkg:{kind}/{}@{}", self.name, self.version)
    }

    /// Reads `name vVERSION (PATH)|LICENCE`.
    fn read(line: &str) -> Option<Self> {
        let (package, licence) = line.split_once('|')?;
        let mut words = package.split(' ');
        let name = words.next()?.to_owned();
        let version = words.next()?.strip_prefix('v')?.to_owned();
        // What comes from elsewhere has no path behind it.
        let ours = words.any(|word| word.starts_with("(/"));
        let licence = licence.strip_suffix(" (*)").unwrap_or(licence).trim();
        Some(Self {
            name,
            version,
            licence: (!licence.is_empty()).then(|| licence.to_owned()),
            ours,
        })
    }
}

/// The crates of all filters, each with those that it uses itself.
#[derive(Debug, Default)]
pub struct Components(BTreeMap<Package, BTreeSet<Package>>);

/// What one crate reaches.
type Reached<'a> = BTreeMap<&'a Package, &'a BTreeSet<Package>>;

impl Components {
    /// Asks Cargo about the workspace in a checkout, as its lock file has it.
    pub fn of_checkout(checkout: &Path) -> Result<Self> {
        let manifest = checkout.join("Cargo.toml");
        let failed = |why: &str| {
            let (manifest, why) = (manifest.display(), why.trim());
            Error::new(format!(
                "cargo does not say what `{manifest}` is built from: {why}"
            ))
            .hint("a bill of materials is made from a checkout: say where it is with `--checkout`")
        };
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["tree", "--locked", "--target", TARGET]);
        // Macros, build scripts and tests leave nothing of themselves in a module.
        cargo.args(["--edges", "normal,no-proc-macro", "--prefix", "depth"]);
        cargo.args(["--format", "{p}|{l}", "--charset", "ascii"]);
        cargo.arg("--manifest-path").arg(&manifest);
        // Together, as they are built.
        for filter in FILTERS {
            cargo.arg("-p").arg(format!("landbridge-{filter}"));
        }
        let output = cargo
            .stdin(Stdio::null())
            .output()
            .map_err(|why| failed(&format!("it cannot be started: {why}")))?;
        if !output.status.success() {
            return Err(failed(&String::from_utf8_lossy(&output.stderr)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Self::read(&text).ok_or_else(|| failed("its tree cannot be read"))
    }

    /// Reads lines that begin with their depth. A crate that was shown before is shown without what
    /// it uses.
    fn read(text: &str) -> Option<Self> {
        let mut all = Self::default();
        let mut way: Vec<Package> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let digits = line.bytes().take_while(u8::is_ascii_digit).count();
            let (depth, rest) = line.split_at_checked(digits)?;
            way.truncate(depth.parse().ok()?);
            let package = Package::read(rest)?;
            if let Some(user) = way.last() {
                all.0
                    .entry(user.clone())
                    .or_default()
                    .insert(package.clone());
            }
            all.0.entry(package.clone()).or_default();
            way.push(package);
        }
        Some(all)
    }

    /// The crates of a filter's module: its own, and all that it reaches.
    pub(super) fn of_filter(&self, filter: &str) -> Result<(&Package, Reached<'_>)> {
        let name = format!("landbridge-{filter}");
        let root = self
            .0
            .keys()
            .find(|package| package.ours && package.name == name);
        let root = root.ok_or_else(|| {
            Error::new(format!("the checkout has no package `{name}`"))
                .hint("say with `--checkout` where Landbridge's own checkout is")
        })?;
        let mut reached = Reached::new();
        let mut next = vec![root];
        while let Some(package) = next.pop() {
            let Some(uses) = self.0.get(package) else {
                continue;
            };
            if reached.insert(package, uses).is_none() {
                next.extend(uses);
            }
        }
        Ok((root, reached))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_with_what_was_shown_before() {
        let text = "0landbridge-authz v0.1.0 (/a b/authz)|Apache-2.0\n\
                    1left v1.0.0|MIT\n\
                    2leaf v2.0.0-rc.1|\n\
                    1right v3.0.0|MIT/Apache-2.0\n\
                    2left v1.0.0|MIT (*)\n\
                    \n\
                    0landbridge-shaping v0.1.0 (/a b/shaping)|Apache-2.0\n\
                    1right v3.0.0|MIT/Apache-2.0 (*)\n\
                    1other v1.0.0|MIT\n";
        let all = Components::read(text).unwrap();
        let names = |filter: &str| {
            let (_, reached) = all.of_filter(filter).unwrap();
            let names: Vec<_> = reached
                .into_keys()
                .map(|package| package.name.as_str())
                .collect();
            names.join(" ")
        };
        assert_eq!(names("authz"), "landbridge-authz leaf left right");
        assert_eq!(names("shaping"), "landbridge-shaping leaf left other right");
        assert!(all.of_filter("locality").is_err());
        assert!(Components::read("no tree").is_none());
    }
}
