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

/// A file that a module has, and that nothing is built of.
pub(crate) struct Content {
    /// What it is called in `target/tools`.
    pub(crate) name: &'static str,
    /// The folder in `conformance/go` whose `go.mod` names the module.
    pub(crate) folder: &'static str,
    /// The module.
    pub(crate) module: &'static str,
    /// Where the file is in it.
    pub(crate) file: &'static str,
}

/// Whether there is a Go to build with.
pub(crate) fn is_here() -> bool {
    workspace::on_path("go").is_some()
}

/// Where a program is, built if it is not there yet.
pub(crate) fn program(program: &Program) -> Result<PathBuf> {
    let place = install::tools()?.join("bin").join(program.name);
    let source = source(program.module)?;
    let pins = pins(&source, &format!("{} {}", program.package, program.ldflags))?;
    once(program.name, &place, &pins, |part| {
        build(program, &source, part)
    })?;
    Ok(place)
}

/// Where a module's file is, copied out of it if it is not there yet.
pub(crate) fn content(content: &Content) -> Result<PathBuf> {
    let place = install::tools()?.join(content.name);
    let source = source(content.folder)?;
    let pins = pins(&source, content.file)?;
    once(content.name, &place, &pins, |part| {
        let module = fetch(content.module, &source)?;
        let file = Path::new(&module).join(content.file);
        fs::copy(&file, part).map_err(|e| Error::at("copy", &file, &e))?;
        Ok(())
    })?;
    Ok(place)
}

fn source(folder: &str) -> Result<PathBuf> {
    Ok(workspace::root()?.join("conformance/go").join(folder))
}

/// Makes what is not there yet, or is made of something else.
fn once(
    name: &str,
    place: &Path,
    pins: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let tools = install::tools()?;
    let stamp = tools.join("go").join(name);
    let made = || place.is_file() && fs::read_to_string(&stamp).is_ok_and(|is| is == pins);
    if made() {
        return Ok(());
    }
    install::under_lock(&tools, name, |scratch| {
        if made() {
            return Ok(()); // by whoever held the lock before
        }
        let part = scratch.join(name);
        make(&part)?;
        if let Some(folder) = place.parent() {
            install::create(folder)?;
        }
        fs::rename(&part, place).map_err(|e| Error::at("write", place, &e))?;
        install::create(&tools.join("go"))?;
        fs::write(&stamp, pins).map_err(|e| Error::at("write", &stamp, &e))
    })
}

/// What something is made of, in words.
fn pins(source: &Path, what: &str) -> Result<String> {
    let mut pins = format!("{what}\n");
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

fn build(program: &Program, source: &Path, part: &Path) -> Result<()> {
    eprintln!("building {} from its Go module …", program.name);
    let mut go = go(source);
    go.args(["build", "-trimpath", "-mod=readonly", "-ldflags"])
        .arg(format!("-s -w {}", program.ldflags))
        .arg("-o")
        .arg(part)
        .arg(program.package);
    process::output(&mut go).map(drop)
}

/// Where the machine keeps a module, once it has it.
fn fetch(module: &str, source: &Path) -> Result<String> {
    eprintln!("fetching {module} …");
    process::output(go(source).args(["mod", "download", module]))?;
    let folder = process::output(go(source).args(["list", "-m", "-f", "{{.Dir}}", module]))?;
    Ok(folder.trim().to_owned())
}

fn go(source: &Path) -> Command {
    let mut go = Command::new("go");
    go.current_dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "")
        // The machine's own Go, and no other that a module would have fetched.
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .stdin(Stdio::null());
    go
}
