//! A Kubernetes API server, what it stores in, its client, and Istio's kinds.
//!
//! Nobody publishes the server for itself but as an image, so it is built from the module that it
//! is made of; `KUBEBUILDER_ASSETS`, a folder that holds the three programs, saves that.

use std::env;
use std::path::{Path, PathBuf};

use crate::go::{self, Content, Program};
use crate::{Error, Result, debian};

/// Where the programs are that need not be built: the variable that other projects' tests know.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Else it would say that it is no release.
const VERSION: &str = "-X k8s.io/component-base/version.gitVersion=v1.36.1 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";

const PROGRAMS: [Program; 2] = [
    program("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
];

const fn program(name: &'static str, package: &'static str) -> Program {
    Program {
        name,
        module: "kubernetes",
        package,
        ldflags: VERSION,
    }
}

const ISTIO: Content = Content {
    name: "istio-crds.yaml",
    folder: "istio-api",
    module: "istio.io/api",
    file: "kubernetes/customresourcedefinitions.gen.yaml",
};

/// Puts all of it where the tests look.
pub(crate) fn provide() -> Result<()> {
    go::content(&ISTIO)?;
    if let Some(assets) = env::var_os(ASSETS).map(PathBuf::from) {
        return all_in(&assets);
    }
    debian::program(&debian::ETCD, "etcd")?;
    for program in &PROGRAMS {
        go::program(program)?;
    }
    Ok(())
}

fn all_in(assets: &Path) -> Result<()> {
    for name in ["etcd", "kube-apiserver", "kubectl"] {
        if !assets.join(name).is_file() {
            let message = format!("no `{name}` in `{}`", assets.display());
            return Err(Error::new(message).help(format!(
                "unset {ASSETS} to have the programs fetched and built"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_that_lack_a_program_are_refused() {
        let error = all_in(Path::new("/nowhere")).unwrap_err();
        assert!(
            error.to_string().starts_with("no `etcd` in `/nowhere`"),
            "{error}"
        );
    }
}
