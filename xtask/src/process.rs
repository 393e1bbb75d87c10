//! Starting other programs.

use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Error, Result, workspace};

/// A cargo command in the root of the workspace.
///
/// `cargo run` tells this program about the `xtask` package through its environment. A nested
/// cargo must not inherit that: build scripts that watch those variables would run again each
/// time one switches between `cargo xtask test` and `cargo test`.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(describes_a_package) {
            cargo.env_remove(name);
        }
    }
    cargo
        .args(args)
        .current_dir(workspace::root()?)
        .env("CARGO_TARGET_DIR", workspace::target()?);
    Ok(cargo)
}

fn describes_a_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
        || [
            "CARGO_BIN_NAME",
            "CARGO_CRATE_NAME",
            "CARGO_PRIMARY_PACKAGE",
        ]
        .contains(&variable)
}

/// Runs to the end and insists on success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|e| not_started(command, &e))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!(
        "`{}` failed ({status})",
        shown(command)
    )))
}

/// Runs to the end, insists on success and gives what was printed. Errors still reach the
/// terminal.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| not_started(command, &e))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::new(format!(
        "`{}` failed ({})",
        shown(command),
        output.status
    )))
}

/// Runs to the end and insists on success; what was printed is told where there is none.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| not_started(command, &e))?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].map(|text| {
        let text = String::from_utf8_lossy(&text);
        text.trim().to_owned()
    });
    Err(Error::new(format!(
        "`{}` failed ({}):\n{}",
        shown(command),
        output.status,
        told.join("\n").trim()
    )))
}

/// The same command, run by another one such as `nsenter`; by none, where `prefix` is empty.
pub(crate) fn within(prefix: &[String], command: Command) -> Command {
    let [program, arguments @ ..] = prefix else {
        return command;
    };
    let mut outer = Command::new(program);
    outer
        .args(arguments)
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}

/// Becomes the command, so that Ctrl-C and the exit code are its own. Returns only if it could
/// not be started.
pub(crate) fn become_it(command: &mut Command) -> Error {
    let error = command.exec();
    not_started(command, &error)
}

fn not_started(command: &Command, error: &std::io::Error) -> Error {
    Error::new(format!("cannot start `{}`: {error}", shown(command)))
}

/// The command as one would type it, without the path of the program and without long scripts.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        line.push(' ');
        line.push_str(if arg.contains('\n') { "…" } else { &arg });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_not_its_directory() {
        let error = run(Command::new("/bin/false").arg("--now")).unwrap_err();
        assert_eq!(error.to_string(), "`false --now` failed (exit status: 1)");
    }

    #[test]
    fn what_runs_within_another_command_keeps_its_arguments_and_variables() {
        let mut inner = Command::new("sh");
        inner.args(["-c", "echo $0 $LANDBRIDGE_A", "x y"]);
        inner.env("LANDBRIDGE_A", "b").current_dir("/");
        let prefix = ["env", "--"].map(str::to_owned);
        assert_eq!(output(&mut within(&prefix, inner)).unwrap(), "x y b\n");
    }

    #[test]
    fn what_cannot_start_is_an_error() {
        let error = run(&mut Command::new("/nowhere/landbridge")).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot start `landbridge`: "),
            "{error}"
        );
    }

    #[test]
    fn cargo_hides_the_xtask_package_from_its_children() {
        assert!(describes_a_package("CARGO_PKG_NAME"));
        assert!(describes_a_package("CARGO_MANIFEST_DIR"));
        assert!(!describes_a_package("CARGO_HOME"));
        assert!(!describes_a_package("CARGO_TARGET_DIR"));
    }
}
