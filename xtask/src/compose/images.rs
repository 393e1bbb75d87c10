//! Images of what is here: one program each, the libraries that `ldd` names, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::engine::Engine;
use crate::cli::BuildArgs;
use crate::debian::{self, PROMETHEUS, REGISTRY};
use crate::{Error, Result, build, envoy, install, process, test, workspace};

/// The variables of `compose.yaml` that say which image is used, and what ours are called.
const IMAGES: [(&str, &str); 4] = [
    ("LANDBRIDGE_IMAGE", "landbridge-scratch-testbed"),
    ("LANDBRIDGE_ENVOY_IMAGE", "landbridge-scratch-envoy"),
    ("LANDBRIDGE_REGISTRY_IMAGE", "landbridge-scratch-registry"),
    (
        "LANDBRIDGE_PROMETHEUS_IMAGE",
        "landbridge-scratch-prometheus",
    ),
];

/// The images; dropping them removes them.
pub(super) struct Images<'a> {
    engine: &'a Engine,
}

impl<'a> Images<'a> {
    /// Builds what goes into them, and them.
    pub(super) fn make(engine: &'a Engine, scratch: &Path) -> Result<Self> {
        let envoy = envoy::find_or_install()?;
        build::build(&BuildArgs::default())?;
        let mut cargo = process::cargo(["build", "-q", "--bin", "landbridge-compose"])?;
        process::run(cargo.args(test::PACKAGES))?;
        let images = Self { engine };
        let [testbed, proxy, registry, prometheus] = IMAGES.map(|(_, name)| name);

        let context = Context::new(scratch, testbed)?;
        let built = workspace::target()?.join("debug");
        context.program(&built.join("landbridge-compose"), "bin/landbridge-compose")?;
        for module in ["authz", "locality", "shaping"] {
            let module = format!("{module}.wasm");
            context.file(
                &workspace::filters()?.join(&module),
                &format!("filters/{module}"),
            )?;
        }
        images.build(&context, "ENTRYPOINT [\"/bin/landbridge-compose\"]\n")?;

        let context = Context::new(scratch, proxy)?;
        context.program(&envoy, "usr/local/bin/envoy")?;
        images.build(&context, "")?;

        let context = Context::new(scratch, registry)?;
        let program = debian::binary(&REGISTRY, "docker-registry")?;
        context.program(&program, "bin/registry")?;
        images.build(&context, "")?;

        let context = Context::new(scratch, prometheus)?;
        let program = debian::binary(&PROMETHEUS, "prometheus")?;
        context.program(&program, "bin/prometheus")?;
        images.build(&context, "")?;
        Ok(images)
    }

    /// Has a command that reads `compose.yaml` use them.
    pub(super) fn name(&self, command: &mut Command) {
        command.envs(IMAGES);
    }

    fn build(&self, context: &Context, more: &str) -> Result<()> {
        let recipe = context
            .scratch
            .join(format!("{}.Dockerfile", context.image));
        fs::write(&recipe, format!("FROM scratch\nCOPY . /\n{more}"))
            .map_err(|e| Error::at("write", &recipe, &e))?;
        let mut docker = self.engine.docker();
        docker
            .args(["build", "--quiet", "--tag", context.image, "--file"])
            .arg(&recipe)
            .arg(&context.root)
            .stdin(Stdio::null());
        process::quietly(&mut docker)?;
        install::discard(&context.root)
    }
}

impl Drop for Images<'_> {
    fn drop(&mut self) {
        let names = IMAGES.map(|(_, name)| name);
        // Where one was not made, nothing is left behind either.
        let mut docker = self.engine.docker();
        let _ = process::quietly(docker.args(["image", "rm", "--force"]).args(names));
    }
}

/// What will be an image's file system.
struct Context<'a> {
    image: &'a str,
    scratch: &'a Path,
    root: PathBuf,
}

impl<'a> Context<'a> {
    fn new(scratch: &'a Path, image: &'a str) -> Result<Self> {
        let root = scratch.join(image);
        // A program that is the first in its container may want to write something.
        install::create(&root.join("tmp"))?;
        Ok(Self {
            image,
            scratch,
            root,
        })
    }

    /// A program and its libraries, each where the program looks for it.
    fn program(&self, program: &Path, inside: &str) -> Result<()> {
        self.file(program, inside)?;
        for library in libraries(program)? {
            let inside = library.strip_prefix("/").unwrap_or(&library).to_owned();
            self.file(&library, &inside.to_string_lossy())?;
        }
        Ok(())
    }

    fn file(&self, file: &Path, inside: &str) -> Result<()> {
        let place = self.root.join(inside);
        if let Some(folder) = place.parent() {
            install::create(folder)?;
        }
        // A copy of what a link leads to, with its mode.
        fs::copy(file, &place)
            .map(drop)
            .map_err(|e| Error::at("copy", file, &e))
    }
}

/// What the dynamic linker would load for a program; nothing for a static one.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::new(format!("cannot start `ldd`: {e}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some(missing) = text.lines().find(|line| line.contains("not found")) {
        let (what, program) = (missing.trim(), program.display());
        return Err(Error::new(format!("`{program}` needs a library: {what}")));
    }
    Ok(named(&text))
}

/// `libc.so.6 => /lib/libc.so.6 (0x…)`, or the linker itself, alone on its line.
fn named(text: &str) -> Vec<PathBuf> {
    let paths = text.lines().filter_map(|line| {
        let line = line.trim();
        let path = line.split_once("=> ").map_or(line, |(_, path)| path);
        let path = path.split(" (0x").next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_what_ldd_prints() {
        let text = "\tlinux-vdso.so.1 (0x00007f)\n\tlibm.so.6 => /lib/x/libm.so.6 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let wanted = ["/lib/x/libm.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(named(text), wanted.map(PathBuf::from));
        assert!(named("\tstatically linked\n").is_empty());
    }
}
