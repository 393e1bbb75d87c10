//! `cargo xtask compose`: the mesh of `testbed/compose.yaml`, by docker, where nothing can be pulled.
//!
//! The file is the one that users run. Only the images differ: each is made `FROM scratch` of a
//! program that is here already and the libraries it names. Where no docker engine answers, one is
//! started that belongs to this run alone, in a network of its own: no bridge, rule or address of
//! the machine changes, and whatever it made goes with it.

mod engine;
mod images;
mod stack;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::cli::ComposeArgs;
use crate::debian::{self, COMPOSE_1};
use crate::go::{self, Program};
use crate::{Error, Result, install, process, test, workspace};
use engine::Engine;
use images::Images;
use stack::{Compose, Stack};

/// Compose v2.
const COMPOSE_2: Program = Program {
    name: "docker-compose-v2",
    module: "compose",
    package: "github.com/docker/compose/v2/cmd",
    ldflags: "-X github.com/docker/compose/v2/internal.Version=v2.40.3",
};

/// The variable of `compose.yaml` that says where the policies are.
const POLICIES: &str = "LANDBRIDGE_POLICIES";
/// What tests it. All packages are chosen, here and for the images, so that what `cargo xtask test`
/// has built is not built once more with other features of its dependencies.
const TESTS: [&str; 2] = ["--test", "compose"];

pub(crate) fn run(args: &ComposeArgs) -> Result<()> {
    let start = Instant::now();
    let scratch = workspace::target()?.join("compose");
    let done = install::under_lock(&scratch, "run", |scratch| {
        let engine = match Engine::find_or_start(scratch) {
            Ok(engine) => engine,
            Err(why) if args.required => return Err(why),
            Err(why) => {
                eprintln!("SKIPPED: the compose testbed: {why}");
                return Ok(());
            }
        };
        with(engine, args, scratch)
    });
    let seconds = start.elapsed().as_secs();
    eprintln!("total time: {} min {:02} s", seconds / 60, seconds % 60);
    done
}

fn with(mut engine: Engine, args: &ComposeArgs, scratch: &Path) -> Result<()> {
    let compositions = compositions(&engine, args, scratch)?;
    if compositions.is_empty() {
        return Ok(());
    }
    let images = Images::make(&engine, scratch)?;
    let policies = policies(scratch)?;
    build_tests()?;
    let mut done = Ok(());
    for (number, compose) in compositions.iter().enumerate() {
        eprintln!("\n{compose}: up, tests, down");
        let stack = Stack::up(&engine, compose, &images, &policies)?;
        // What is between the containers is the same, whoever started them: once is enough.
        let filter = if number == 0 { None } else { Some("smoke") };
        let tested = run_tests(&engine, &policies, filter);
        if tested.is_err() {
            stack.show_logs();
        }
        if args.keep && tested.is_ok() && number == 0 {
            keep(&engine)?;
        }
        done = tested.and(stack.down());
        if done.is_err() {
            break;
        }
    }
    drop(images);
    done.and(engine.end())
}

/// Both implementations; the newer first.
fn compositions(engine: &Engine, args: &ComposeArgs, scratch: &Path) -> Result<Vec<Compose>> {
    let mut found = Vec::new();
    let missing = |what: &str, why: Error| {
        if args.required {
            return Err(why);
        }
        eprintln!("SKIPPED: {what}: {why}");
        Ok(())
    };
    if go::is_here() {
        found.push(Compose::plugin(engine, &go::program(&COMPOSE_2)?, scratch)?);
    } else {
        let why = Error::new("there is no `go` on PATH to build it with");
        missing("Compose v2", why)?;
    }
    match debian::program(&COMPOSE_1, "docker-compose-v1").and_then(|it| Compose::alone(&it)) {
        Ok(compose) => found.push(compose),
        Err(why) => missing("docker-compose 1.29", why)?,
    }
    if found.is_empty() {
        eprintln!("SKIPPED: the compose testbed: there is no compose to run it with");
    }
    Ok(found)
}

/// A copy of the policies, so that tests may change them.
fn policies(scratch: &Path) -> Result<PathBuf> {
    let (from, to) = (file("testbed/compose/policies")?, scratch.join("policies"));
    install::create(&to)?;
    let entries = fs::read_dir(&from).map_err(|e| Error::at("list", &from, &e))?;
    for entry in entries.flatten() {
        let path = entry.path();
        fs::copy(&path, to.join(entry.file_name())).map_err(|e| Error::at("copy", &path, &e))?;
    }
    Ok(to)
}

/// Builds the tests, where everything can be reached that a build may want.
fn build_tests() -> Result<()> {
    let mut cargo = process::cargo(["test", "-q", "--no-run"])?;
    process::run(cargo.args(test::PACKAGES).args(TESTS))
}

/// Runs them where the ports are that the mesh publishes, one after the other: each breaks
/// something, and mends it.
fn run_tests(engine: &Engine, policies: &Path, filter: Option<&str>) -> Result<()> {
    let mut cargo = process::cargo(["test", "-q"])?;
    cargo.args(test::PACKAGES).args(TESTS);
    cargo.args(["--", "--test-threads", "1"]).args(filter);
    cargo
        .env("DOCKER_HOST", engine.host())
        .env("LANDBRIDGE_DOCKER", engine.docker_path())
        .env(POLICIES, policies);
    process::run(&mut process::within(&engine.inside(), cargo))
}

/// Leaves the mesh running until the reader has seen enough.
fn keep(engine: &Engine) -> Result<()> {
    let prefix = engine.inside().join(" ");
    let asked = "curl -s -i -H 'host: orders.shop.svc.cluster.local' http://127.0.0.1:15103/orders";
    eprintln!(
        "\nThe mesh runs. In another terminal, as root:\n\
         \n  export DOCKER_HOST={}\n  {prefix} {asked}\n\
         \nEnter ends it.",
        engine.host()
    );
    let read = io::stdin().read_line(&mut String::new());
    read.map(drop)
        .map_err(|e| Error::new(format!("cannot read a line: {e}")))
}

/// Where a file of the repository is.
fn file(path: &str) -> Result<PathBuf> {
    Ok(workspace::root()?.join(path))
}
