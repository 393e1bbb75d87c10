//! The mesh, brought up and taken down by one of the two programs that read `compose.yaml`.

use std::fmt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::engine::Engine;
use super::images::Images;
use crate::{Error, Result, install, process};

/// What containers, networks and volumes are grouped by: nobody else's.
const PROJECT: &str = "landbridge-xtask";

/// An implementation of Compose, ready to be told what to do.
pub(super) struct Compose {
    called: String,
    program: PathBuf,
    arguments: &'static [&'static str],
    /// Where docker's command line looks for its plugins.
    settings: Option<PathBuf>,
}

impl Compose {
    /// The plugin of docker's command line.
    pub(super) fn plugin(engine: &Engine, program: &Path, scratch: &Path) -> Result<Self> {
        let settings = scratch.join("settings");
        let plugins = settings.join("cli-plugins");
        install::create(&plugins)?;
        let link = plugins.join("docker-compose");
        symlink(program, &link).map_err(|e| Error::at("link", &link, &e))?;
        Self {
            called: String::new(),
            program: engine.docker_path().to_owned(),
            arguments: &["compose"],
            settings: Some(settings),
        }
        .named()
    }

    /// The program of its own that it was before.
    pub(super) fn alone(program: &Path) -> Result<Self> {
        Self {
            called: String::new(),
            program: program.to_owned(),
            arguments: &[],
            settings: None,
        }
        .named()
    }

    fn named(mut self) -> Result<Self> {
        let version = process::output(self.command().args(["version", "--short"]))?;
        self.called = format!("Compose {}", version.trim());
        Ok(self)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments).stdin(Stdio::null());
        if let Some(settings) = &self.settings {
            command.env("DOCKER_CONFIG", settings);
        }
        command
    }
}

impl fmt::Display for Compose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.called)
    }
}

/// The mesh that runs; dropping it takes it down.
pub(super) struct Stack<'a> {
    engine: &'a Engine,
    compose: &'a Compose,
    images: &'a Images<'a>,
    /// The folder of the policies, which tests change.
    policies: &'a Path,
    is_up: bool,
}

impl<'a> Stack<'a> {
    pub(super) fn up(
        engine: &'a Engine,
        compose: &'a Compose,
        images: &'a Images<'a>,
        policies: &'a Path,
    ) -> Result<Self> {
        let stack = Self {
            engine,
            compose,
            images,
            policies,
            is_up: true,
        };
        let up = process::quietly(stack.command()?.args(["up", "--detach", "--no-build"]));
        if up.is_err() {
            stack.show_logs();
        }
        up.map(|()| stack)
    }

    /// What every container printed last.
    pub(super) fn show_logs(&self) {
        if let Ok(mut logs) = self.command() {
            let _ = logs.args(["logs", "--tail", "8"]).status();
        }
    }

    /// Removes containers, networks and volumes.
    pub(super) fn down(mut self) -> Result<()> {
        self.is_up = false;
        self.take_down()
    }

    fn take_down(&self) -> Result<()> {
        let mut down = self.command()?;
        process::quietly(down.args(["down", "--volumes", "--remove-orphans", "--timeout", "2"]))
    }

    fn command(&self) -> Result<Command> {
        let mut command = self.compose.command();
        command
            .args(["--project-name", PROJECT, "--file"])
            .arg(super::file("testbed/compose.yaml")?)
            .env("DOCKER_HOST", self.engine.host())
            .env(super::POLICIES, self.policies);
        self.images.name(&mut command);
        Ok(command)
    }
}

impl Drop for Stack<'_> {
    fn drop(&mut self) {
        if self.is_up
            && let Err(why) = self.take_down()
        {
            eprintln!("{why}");
        }
    }
}
