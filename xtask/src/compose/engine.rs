//! The docker engine: one that answers, or else one that is started for this run.
//!
//! Ours has its own network and mount namespaces: what containers are connected by is invisible
//! outside, and what they were mounted on is gone with its process. It ends when this process does,
//! however that ends.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::debian::{self, DOCKER};
use crate::{Error, Result, install, process, workspace};

/// How long an engine may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// What our containers' control groups are below.
const CGROUP: &str = "landbridge-compose";
/// What the folder of an engine's sockets is called, before the id of who started it.
const RUN: &str = "landbridge-docker-";
/// What our engine is started by, beside itself.
const NEEDED: [&str; 4] = ["unshare", "setpriv", "nsenter", "ip"];

/// A docker engine that answers.
pub(super) struct Engine {
    docker: PathBuf,
    host: String,
    own: Option<Own>,
}

/// An engine that was started here.
struct Own {
    process: Child,
    /// Its sockets: their paths may not be long.
    run: PathBuf,
    data: PathBuf,
    log: PathBuf,
}

impl Engine {
    /// An engine that runs here, or a new one with its data in `scratch`; or why there can be none.
    pub(super) fn find_or_start(scratch: &Path) -> Result<Self> {
        if let Some(docker) = workspace::on_path("docker")
            && let Some(host) = answering(&docker)
        {
            eprintln!("using the docker engine at {host}");
            return Ok(Self {
                docker,
                host,
                own: None,
            });
        }
        if !cfg!(target_os = "linux") {
            return Err(Error::new("no docker engine answers").help("start docker"));
        }
        if !is_root() {
            let why = "no docker engine answers, and only root may start one";
            return Err(Error::new(why).help("start docker, or run this as root"));
        }
        for program in NEEDED {
            if workspace::on_path(program).is_none() {
                let why =
                    format!("no docker engine answers, and without `{program}` none is started");
                return Err(Error::new(why).help("install util-linux and iproute2"));
            }
        }
        let engine = debian::program(&DOCKER, "dockerd")?;
        let docker = match workspace::on_path("docker") {
            Some(docker) => docker,
            None => debian::program(&DOCKER, "docker")?,
        };
        let own = Own::start(&engine, scratch)?;
        let host = format!("unix://{}", own.run.join("docker.sock").display());
        let mut engine = Self {
            docker,
            host,
            own: Some(own),
        };
        engine.wait()?;
        Ok(engine)
    }

    /// The docker command line.
    pub(super) fn docker(&self) -> Command {
        let mut docker = Command::new(&self.docker);
        docker.env("DOCKER_HOST", &self.host);
        docker
    }

    pub(super) fn docker_path(&self) -> &Path {
        &self.docker
    }

    /// Where it listens, as `DOCKER_HOST`.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What to put before a command that is to reach the ports that containers publish.
    pub(super) fn inside(&self) -> Vec<String> {
        let Some(own) = &self.own else {
            return Vec::new();
        };
        let network = format!("--net=/proc/{}/ns/net", own.process.id());
        ["nsenter", &network, "--"].map(str::to_owned).to_vec()
    }

    fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        while answer(&self.docker, Some(&self.host)).is_none() {
            let Some(own) = &mut self.own else {
                return Ok(());
            };
            let ended = own.process.try_wait().ok().flatten();
            if ended.is_some() || start.elapsed() > PATIENCE {
                let log = fs::read_to_string(&own.log).unwrap_or_default();
                let lines: Vec<_> = log.lines().rev().take(3).collect();
                let last: Vec<_> = lines.into_iter().rev().collect();
                let why = format!("a docker engine does not start here:\n{}", last.join("\n"));
                return Err(Error::new(why));
            }
            sleep(Duration::from_millis(100));
        }
        eprintln!("started a docker engine for this run");
        Ok(())
    }

    /// Ends an engine of ours; leaves any other.
    pub(super) fn end(&mut self) -> Result<()> {
        self.own.take().map_or(Ok(()), Own::end)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(why) = self.end() {
            eprintln!("{why}");
        }
    }
}

impl Own {
    fn start(dockerd: &Path, scratch: &Path) -> Result<Self> {
        sweep();
        let run = std::env::temp_dir().join(format!("{RUN}{}", std::process::id()));
        install::discard(&run)?;
        let bin = run.join("bin");
        install::create(&bin)?;
        let (data, log) = (scratch.join("docker"), scratch.join("docker.log"));
        let settings = run.join("daemon.json");
        fs::write(&settings, "{}").map_err(|e| Error::at("write", &settings, &e))?;
        let path = |name: &str| run.join(name).display().to_string();
        let output = File::create(&log).map_err(|e| Error::at("create", &log, &e))?;
        let errors = output
            .try_clone()
            .map_err(|e| Error::at("open", &log, &e))?;
        let mut engine = Command::new("unshare");
        engine
            .args([
                "--net",
                "--mount",
                "--",
                "setpriv",
                "--pdeathsig",
                "TERM",
                "--",
            ])
            .args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
            .arg(dockerd)
            .args(["--config-file", &path("daemon.json")])
            .args(["--host", &format!("unix://{}", path("docker.sock"))])
            .args(["--pidfile", &path("docker.pid")])
            .args(["--exec-root", &path("exec")])
            .args(["--bridge", "none", "--cgroup-parent", CGROUP])
            .args(["--exec-opt", "native.cgroupdriver=cgroupfs"])
            .arg("--data-root")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        surround(&mut engine, &bin)?;
        let process = engine
            .spawn()
            .map_err(|e| Error::new(format!("cannot start `unshare`: {e}")))?;
        Ok(Self {
            process,
            run,
            data,
            log,
        })
    }

    fn end(mut self) -> Result<()> {
        let pid = self.process.id().to_string();
        let _ = process::output(Command::new("kill").args(["-TERM", &pid]));
        let start = Instant::now();
        while self.process.try_wait().ok().flatten().is_none() {
            if start.elapsed() > PATIENCE {
                let _ = self.process.kill();
                let _ = self.process.wait();
            }
            sleep(Duration::from_millis(50));
        }
        // Their paths name those that a killed engine leaves behind.
        for pid in holding(&self.run) {
            let _ = process::output(Command::new("kill").args(["-KILL", &pid]));
        }
        for controller in fs::read_dir("/sys/fs/cgroup")
            .into_iter()
            .flatten()
            .flatten()
        {
            // Empty by now, or not there.
            let _ = fs::remove_dir(controller.path().join(CGROUP));
        }
        let _ = fs::remove_dir(Path::new("/sys/fs/cgroup").join(CGROUP));
        install::discard(&self.run)?;
        install::discard(&self.data)
    }
}

/// Removes the folders of runs that were interrupted.
fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(RUN));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// What `dockerd` looks for on its path, where it is not the system's.
fn surround(engine: &mut Command, bin: &Path) -> Result<()> {
    let root = install::tools()?.join("docker/root");
    if !root.is_dir() {
        return Ok(());
    }
    // Debian's alternatives, which nobody has set up here.
    for name in ["iptables", "ip6tables"] {
        let link = bin.join(name);
        let program = root.join("usr/sbin/xtables-nft-multi");
        symlink(program, &link).map_err(|e| Error::at("link", &link, &e))?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [bin.to_owned(), root.join("usr/bin"), root.join("usr/sbin")];
    let path = own.into_iter().chain(std::env::split_paths(&path));
    let path =
        std::env::join_paths(path).map_err(|e| Error::new(format!("cannot set PATH: {e}")))?;
    engine.env("PATH", path);
    for library in fs::read_dir(root.join("usr/lib"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let extensions = library.path().join("xtables");
        if extensions.is_dir() {
            engine.env("XTABLES_LIBDIR", extensions);
        }
    }
    Ok(())
}

/// The processes whose command line names a folder.
fn holding(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let named = processes.filter(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&folder)
    });
    let own = std::process::id().to_string();
    named
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .filter(|pid| *pid != own && pid.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

/// Where the engine that docker's command line would use listens, if it answers, and on this
/// machine: another one has none of the files that are to be mounted.
fn answering(docker: &Path) -> Option<String> {
    answer(docker, None)?;
    let host = match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => host,
        _ => {
            let mut context = Command::new(docker);
            context.args([
                "context",
                "inspect",
                "--format",
                "{{.Endpoints.docker.Host}}",
            ]);
            process::output(&mut context).ok()?.trim().to_owned()
        }
    };
    host.starts_with("unix://").then_some(host)
}

/// The version of the engine that answers there.
fn answer(docker: &Path, host: Option<&str>) -> Option<String> {
    let mut version = Command::new(docker);
    version
        .args(["version", "--format", "{{.Server.Version}}"])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    if let Some(host) = host {
        version.env("DOCKER_HOST", host);
    }
    let output = version.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    effective.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}
