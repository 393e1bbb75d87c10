//! How a command ends.

use std::io::{self, Write};
use std::process::ExitCode;

/// What a command that did its work found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing is wrong, or nothing worse than a warning.
    Fine,
    /// The documents have errors.
    Errors,
}

/// Why a command could not do its work: one message for each thing in its way.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Vec<String>);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(vec![message.into()])
    }

    /// What a registry, or what is packed for one, has against it.
    pub(crate) fn of(why: landbridge_oci::Error) -> Self {
        Self::new(why.to_string())
    }
}

/// A command's exit code; failures are told first.
pub(crate) fn code(done: Result<Outcome, Failure>) -> ExitCode {
    match done {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Errors) => ExitCode::from(1),
        Err(Failure(messages)) => {
            let mut stderr = anstream::stderr().lock();
            for message in messages {
                // With stderr gone, the exit code is all that can still be told.
                let _ = writeln!(stderr, "error: {message}");
            }
            ExitCode::from(2)
        }
    }
}

/// Prints what was asked for. A reader who has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to stdout: {e}")))
        }
        _ => Ok(()),
    }
}
