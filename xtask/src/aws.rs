//! What `deploy/eks` is held to: the AWS command line and moto, a simulation of AWS, from PyPI in a
//! virtual environment under `target/tools`; and the schema of eksctl's configuration.

use std::fs;
use std::os::unix::fs::symlink;

use crate::go::{self, Content};
use crate::{Error, Result, install, process, python};

const PACKAGES: [&str; 2] = ["awscli==1.46.3", "moto[server,ec2,ecr,sts]==5.2.5"];
const PROGRAMS: [&str; 2] = ["aws", "moto_server"];

const EKSCTL: Content = Content {
    name: "eksctl.schema.json",
    folder: "eksctl",
    module: "github.com/weaveworks/eksctl",
    file: "pkg/apis/eksctl.io/v1alpha5/assets/schema.json",
};

/// Puts all of it where the tests look.
pub(crate) fn provide() -> Result<()> {
    go::content(&EKSCTL)?;
    let tools = install::tools()?;
    let (home, bin) = (tools.join("aws"), tools.join("bin"));
    let ready =
        || fs::read_to_string(home.join("made-of")).is_ok_and(|is| is == PACKAGES.join("\n"));
    if ready() {
        return Ok(());
    }
    install::under_lock(&tools, "aws", |_| {
        if ready() {
            return Ok(()); // by whoever held the lock before
        }
        eprintln!("installing the AWS command line and moto (a download of about 30 MiB) …");
        install::discard(&home)?;
        process::output(python::python()?.args(["-m", "venv"]).arg(&home))?;
        let mut pip = std::process::Command::new(home.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "install",
        ]);
        process::output(pip.args(PACKAGES))?;
        install::create(&bin)?;
        for program in PROGRAMS {
            let link = bin.join(program);
            let _ = fs::remove_file(&link);
            symlink(home.join("bin").join(program), &link)
                .map_err(|e| Error::at("link", &link, &e))?;
        }
        let stamp = home.join("made-of");
        fs::write(&stamp, PACKAGES.join("\n")).map_err(|e| Error::at("write", &stamp, &e))
    })
}
