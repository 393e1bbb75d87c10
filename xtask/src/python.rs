//! Python 3: for what would otherwise need a crate (unpacking a wheel, the size under gzip).

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Error, Result, process, workspace};

/// Copies one file out of a zip archive.
const EXTRACT: &str = "
import shutil, sys, zipfile
archive, member, to = sys.argv[1:]
with zipfile.ZipFile(archive) as z, z.open(member) as src, open(to, 'wb') as dst:
    shutil.copyfileobj(src, dst, 1 << 20)
";

/// Prints the compressed size of each file.
const DEFLATED: &str = "
import sys, zlib
for name in sys.argv[1:]:
    with open(name, 'rb') as f:
        print(len(zlib.compress(f.read(), 9)))
";

pub(crate) fn python() -> Result<Command> {
    match workspace::on_path("python3") {
        Some(path) => Ok(Command::new(path)),
        None => {
            Err(Error::new("there is no `python3` on PATH").help("install Python 3.8 or later"))
        }
    }
}

/// A Python that has pip: the one on `PATH`, else a virtual environment made in `scratch`.
///
/// Distributions that split pip off (Debian) often leave `venv` working; where neither does,
/// only the reader can help.
pub(crate) fn with_pip(scratch: &Path) -> Result<Command> {
    let has_pip = |mut python: Command| {
        let quiet = python.args(["-m", "pip", "--version"]).stdin(Stdio::null());
        quiet
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    if has_pip(python()?) {
        return python();
    }
    let venv = scratch.join("venv");
    let made = process::output(python()?.args(["-m", "venv"]).arg(&venv));
    let inside = venv.join("bin/python");
    if made.is_ok() && has_pip(Command::new(&inside)) {
        return Ok(Command::new(inside));
    }
    Err(
        Error::new("this Python has no pip, and a virtual environment could not give it one")
            .help("install pip for `python3` (Debian: python3-pip or python3-venv)"),
    )
}

/// Copies `member` out of the zip `archive` to the file `to`.
pub(crate) fn extract(archive: &Path, member: &str, to: &Path) -> Result<()> {
    process::output(
        python()?
            .args(["-c", EXTRACT])
            .arg(archive)
            .arg(member)
            .arg(to),
    )
    .map(drop)
}

/// The size of each file under gzip (level 9), without gzip's header of 18 bytes.
pub(crate) fn deflated_sizes<P: AsRef<Path>>(files: &[P]) -> Result<Vec<u64>> {
    let files = files.iter().map(|f| f.as_ref().as_os_str());
    let printed = process::output(python()?.args(["-c", DEFLATED]).args(files))?;
    let number = |line: &str| {
        line.parse()
            .map_err(|_| Error::new(format!("python3 printed `{line}`, not a size")))
    };
    printed.lines().map(number).collect()
}
