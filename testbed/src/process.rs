//! Processes that die with the harness, whatever it dies of.
//!
//! On Linux every child is started through `landbridge-guard`, which asks the
//! kernel for that. The kernel means the parent *thread*, and a test's thread
//! ends with the test, so one thread that never ends starts them all.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};

use crate::Error;
#[cfg(target_os = "linux")]
use crate::tools;

/// How to start a process; kept, so that it can be started again.
#[derive(Debug, Clone)]
pub struct Launch {
    /// What is run.
    pub program: PathBuf,
    /// What it is told.
    pub args: Vec<String>,
    /// The file that what it prints is added to.
    pub log: PathBuf,
}

/// A running process; dropping it kills and reaps it.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it; it ends with this process, if it is not dropped before.
    ///
    /// # Errors
    ///
    /// Its log cannot be written, or it cannot be run.
    pub fn start(launch: &Launch) -> Result<Self, Error> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&launch.log)
            .map_err(Error::io(format!("open `{}`", launch.log.display())))?;
        let errors = log.try_clone().map_err(Error::io("share a log file"))?;
        let mut command = tied(launch)?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let what = format!("run `{}`", launch.program.display());
        spawn(command).map(Self).map_err(Error::io(what))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Stops it, or lets it go on. It can be killed while it is stopped.
    #[cfg(unix)]
    pub(crate) fn freeze(&self, frozen: bool) -> std::io::Result<()> {
        use rustix::process::{Pid, Signal, kill_process};
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        // Its id is its own until it is waited for.
        Ok(kill_process(Pid::from_child(&self.0), signal)?)
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> Option<String> {
        match self.0.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already: that is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(target_os = "linux")]
fn tied(launch: &Launch) -> Result<Command, Error> {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(tools::guard()?);
    command
        .arg(std::process::id().to_string())
        .arg(&launch.program)
        .args(&launch.args);
    // Ctrl-C is for the harness; its end is theirs.
    command.process_group(0);
    Ok(command)
}

#[cfg(not(target_os = "linux"))]
fn tied(launch: &Launch) -> Result<Command, Error> {
    let mut command = Command::new(&launch.program);
    command.args(&launch.args);
    Ok(command)
}

fn spawn(command: Command) -> std::io::Result<Child> {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, queue) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in queue {
                // Whoever ordered may be gone; then the child is killed by nobody
                // but the end of the harness.
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let gone = || std::io::Error::other("the spawner thread is gone");
    let (reply, answer) = mpsc::channel();
    spawner.send((command, reply)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}
