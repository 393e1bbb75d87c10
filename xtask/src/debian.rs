//! Programs from Debian's packages, unpacked under `target/tools`: that needs no root, and disturbs
//! nothing that is installed.
//!
//! A program that the machine has comes first. What is fetched is run by a script in
//! `target/tools/bin`, which finds the package's libraries wherever the checkout is put.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, Result, install, process, workspace};

/// Packages that make programs run.
pub(crate) struct Bundle {
    /// What its folder is called.
    pub(crate) name: &'static str,
    /// The packages with the programs, and with those libraries that not every machine has.
    pub(crate) packages: &'static [&'static str],
    /// The programs: what each is called, and where it is in the packages.
    pub(crate) programs: &'static [(&'static str, &'static str)],
}

/// The server's program is in the package of the tools: the server's own package has a link to it,
/// and a service that nobody wants here.
pub(crate) const REDIS: Bundle = Bundle {
    name: "redis",
    packages: &["redis-tools", "libatomic1", "libjemalloc2", "liblzf1"],
    programs: &[("redis-server", "usr/bin/redis-check-rdb")],
};

/// An OCI registry.
pub(crate) const REGISTRY: Bundle = Bundle {
    name: "docker-registry",
    packages: &["docker-registry"],
    programs: &[("docker-registry", "usr/bin/docker-registry")],
};

pub(crate) const SKOPEO: Bundle = Bundle {
    name: "skopeo",
    packages: &["skopeo", "libgpgme11", "libassuan0", "libdevmapper1.02.1"],
    programs: &[("skopeo", "usr/bin/skopeo")],
};

pub(crate) const PROMETHEUS: Bundle = Bundle {
    name: "prometheus",
    packages: &["prometheus"],
    programs: &[
        ("prometheus", "usr/bin/prometheus"),
        ("promtool", "usr/bin/promtool"),
    ],
};

pub(crate) const ETCD: Bundle = Bundle {
    name: "etcd",
    packages: &["etcd-server"],
    programs: &[("etcd", "usr/bin/etcd")],
};

/// The docker engine with what it starts, and the libraries of all that.
pub(crate) const DOCKER: Bundle = Bundle {
    name: "docker",
    packages: &[
        "docker.io",
        "containerd",
        "runc",
        "tini",
        "iptables",
        "libdevmapper1.02.1",
        "libip4tc2",
        "libip6tc2",
        "libmnl0",
        "libnetfilter-conntrack3",
        "libnfnetlink0",
        "libnftnl11",
        "libseccomp2",
        "libxtables12",
    ],
    programs: &[
        ("dockerd", "usr/sbin/dockerd"),
        ("docker", "usr/bin/docker"),
    ],
};

/// Compose as it was before it became a plugin of docker's. It brings no Python.
pub(crate) const COMPOSE_1: Bundle = Bundle {
    name: "docker-compose-v1",
    packages: &[
        "docker-compose",
        "libyaml-0-2",
        "python3-attr",
        "python3-cached-property",
        "python3-certifi",
        "python3-chardet",
        "python3-charset-normalizer",
        "python3-distro",
        "python3-distutils",
        "python3-docker",
        "python3-dockerpty",
        "python3-docopt",
        "python3-dotenv",
        "python3-idna",
        "python3-jsonschema",
        "python3-lib2to3",
        "python3-packaging",
        "python3-pkg-resources",
        "python3-pyrsistent",
        "python3-requests",
        "python3-six",
        "python3-texttable",
        "python3-urllib3",
        "python3-websocket",
        "python3-yaml",
    ],
    programs: &[("docker-compose-v1", "usr/bin/docker-compose")],
};

/// Where a program is: installed, or fetched.
pub(crate) fn program(bundle: &Bundle, name: &str) -> Result<PathBuf> {
    if let Some(path) = workspace::on_path(name) {
        return workspace::absolute(&path);
    }
    let tools = install::tools()?;
    let installed = tools.join("bin").join(name);
    if !installed.is_file() {
        install::under_lock(&tools, bundle.name, |scratch| {
            if installed.is_file() {
                return Ok(()); // by whoever held the lock before
            }
            fetch(bundle, &tools, scratch)
        })
        .map_err(|why| why.or_help(format!("put `{name}` on PATH")))?;
    }
    Ok(installed)
}

/// The program itself, and not the script that runs it.
pub(crate) fn binary(bundle: &Bundle, name: &str) -> Result<PathBuf> {
    let program = program(bundle, name)?;
    let tools = install::tools()?;
    if program.starts_with(&tools) {
        return Ok(tools.join(bundle.name).join(name));
    }
    Ok(program)
}

/// Fetches a bundle's programs; says why there are none.
pub(crate) fn program_if_possible(bundle: &Bundle, name: &str) -> Option<PathBuf> {
    match program(bundle, name) {
        Ok(path) => Some(path),
        Err(why) => {
            eprintln!("no {name}, so the tests that need it are skipped: {why}");
            None
        }
    }
}

fn fetch(bundle: &Bundle, tools: &Path, scratch: &Path) -> Result<()> {
    let name = bundle.name;
    eprintln!("fetching Debian's {name} (with lists of packages, about 30 MiB and more) …");
    let whole = scratch.join(name);
    let root = whole.join("root");
    install::create(&root)?;
    for package in download(bundle.packages, scratch)? {
        let mut unpack = Command::new("dpkg");
        process::output(unpack.arg("-x").arg(package).arg(&root))?;
    }
    for (program, inside) in bundle.programs {
        if !root.join(inside).is_file() {
            let message = format!("Debian's {name} has no `{inside}`");
            return Err(Error::new(message));
        }
        // Some programs ask what they were called by.
        let link = whole.join(program);
        symlink(Path::new("root").join(inside), &link).map_err(|e| Error::at("link", &link, &e))?;
    }
    let destination = tools.join(name);
    install::discard(&destination)?;
    fs::rename(&whole, &destination).map_err(|e| Error::at("write", &destination, &e))?;
    let bin = tools.join("bin");
    install::create(&bin)?;
    for (program, _) in bundle.programs {
        // It stays the process that was started.
        let script = format!(
            "#!/bin/sh\n\
             here=${{0%/*}}/../{name}\n\
             for libraries in \"$here\"/root/usr/lib/*-linux-* \"$here\"/root/lib/*-linux-*; do\n\
             \x20   LD_LIBRARY_PATH=$libraries:$LD_LIBRARY_PATH\n\
             done\n\
             export LD_LIBRARY_PATH\n\
             for modules in \"$here\"/root/usr/lib/python3*; do\n\
             \x20   [ -d \"$modules\" ] || continue\n\
             \x20   export PYTHONPATH=\"$modules/dist-packages:$modules:$PYTHONPATH\"\n\
             done\n\
             exec \"$here/{program}\" \"$@\"\n"
        );
        // Under its name, a program is whole.
        let (part, place) = (scratch.join(program), bin.join(program));
        fs::write(&part, script).map_err(|e| Error::at("write", &part, &e))?;
        fs::set_permissions(&part, fs::Permissions::from_mode(0o755))
            .map_err(|e| Error::at("make executable", &part, &e))?;
        fs::rename(&part, &place).map_err(|e| Error::at("write", &place, &e))?;
    }
    Ok(())
}

/// Downloads packages. The lists of what there is are fetched into a place of their own: the
/// system's may be old or missing, and only root may change those.
fn download(names: &[&str], scratch: &Path) -> Result<Vec<PathBuf>> {
    let packages = scratch.join("packages");
    let (lists, cache) = (scratch.join("lists"), scratch.join("cache"));
    for dir in [
        &packages,
        &lists.join("partial"),
        &cache.join("archives/partial"),
    ] {
        install::create(dir)?;
    }
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.arg("-qq")
            .arg("-o")
            .arg(format!("Dir::State::Lists={}", lists.display()))
            .arg("-o")
            .arg(format!("Dir::Cache={}", cache.display()))
            // Root would have the files fetched by a user who may not write here.
            .args(["-o", "APT::Sandbox::User="])
            .args(args)
            .current_dir(&packages)
            .stdin(Stdio::null());
        process::output(&mut apt)
    };
    apt(&["update"])?;
    apt(&[&["download"], names].concat())?;
    let entries = fs::read_dir(&packages).map_err(|e| Error::at("list", &packages, &e))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}
