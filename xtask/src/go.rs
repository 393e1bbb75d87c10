//! Programs that come as Go modules, built into `target/tools/bin`.
//!
//! Each has a folder in `conformance/go` whose `go.mod` pins what it is made of; the two files'
//! digest stands beside the program, so that another version is built anew and the same one is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, Result, install, process, workspace};

/// A program, and how it is built.
pub(crate) struct Program {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The folder in `conformance/go` whose `go.mod` names it.
    pub(crate) module: &'static str,
    /// Its package.
    pub(crate) package: &'static str,
    /// What the linker is told, such as a version that is else unknown.
    pub(crate) ldflags: &'static str,
}

impl Program {
    /// A program whose folder has its name.
    pub(crate) const fn new(name: &'static str, package: &'static str) -> Self {
        Self {
            name,
            module: name,
            package,
            ldflags: "",
        }
    }
}

/// Whether there is a Go to build with.
pub(crate) fn is_here() -> bool {
    workspace::on_path("go").is_some()
}

/// Where a program is, built if it is not there yet.
pub(crate) fn program(program: &Program) -> Result<PathBuf> {
    let tools = install::tools()?;
    let place = tools.join("bin").join(program.name);
    let source = workspace::root()?
        .join("conformance/go")
        .join(program.module);
    let stamp = tools.join("go").join(program.name);
    let wanted = pins(&source, program)?;
    let built = || place.is_file() && fs::read_to_string(&stamp).is_ok_and(|is| is == wanted);
    if !built() {
        install::under_lock(&tools, program.name, |scratch| {
            if built() {
                return Ok(()); // by whoever held the lock before
            }
            build(program, &source, &scratch.join(program.name), &place)?;
            install::create(&tools.join("go"))?;
            fs::write(&stamp, &wanted).map_err(|e| Error::at("write", &stamp, &e))
        })?;
    }
    Ok(place)
}

/// What a program is made of, in words.
fn pins(source: &Path, program: &Program) -> Result<String> {
    let mut pins = format!("{} {}\n", program.package, program.ldflags);
    for file in ["go.mod", "go.sum"] {
        let path = source.join(file);
        pins += &fs::read_to_string(&path).map_err(|e| Error::at("read", &path, &e))?;
    }
    // A program of our own, put together of others' parts.
    let main = source.join("main.go");
    if main.is_file() {
        pins += &fs::read_to_string(&main).map_err(|e| Error::at("read", &main, &e))?;
    }
    Ok(pins)
}

fn build(program: &Program, source: &Path, part: &Path, place: &Path) -> Result<()> {
    eprintln!("building {} from its Go module …", program.name);
    let mut go = Command::new("go");
    go.arg("build")
        .args(["-trimpath", "-mod=readonly", "-ldflags"])
        .arg(format!("-s -w {}", program.ldflags))
        .arg("-o")
        .arg(part)
        .arg(program.package)
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "")
        // The machine's own Go, and no other that a module would have fetched.
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .stdin(Stdio::null());
    process::output(&mut go)?;
    if let Some(bin) = place.parent() {
        install::create(bin)?;
    }
    fs::rename(part, place).map_err(|e| Error::at("write", place, &e))
}
