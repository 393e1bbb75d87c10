//! `landbridge-compose`: the parts of `testbed/compose.yaml` that are our own, in one program.
//!
//! ```text
//! landbridge-compose configure [--owner UID]   writes certificates, bootstraps and configurations
//! landbridge-compose policies                  writes configurations anew when policies change
//! landbridge-compose modules REGISTRY          pushes the modules, and pulls them for the Envoys
//! landbridge-compose orders CLUSTER            the service shop/orders
//! landbridge-compose traffic [RATE]            the workloads shop/frontend, RATE requests a second each
//! ```
//!
//! Where things are is the same in every container: `/mesh`, `/modules` and `/policies`.

mod policies;
mod report;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use landbridge_testbed::compose::{self, Files, Layout};
use landbridge_testbed::failed;
use tokio::signal::unix::{SignalKind, signal};

/// Requests a second of each frontend, if nothing is said.
const RATE: u32 = 10;
const USAGE: &str = "usage: landbridge-compose configure [--owner UID] | policies | modules REGISTRY | orders CLUSTER | traffic [RATE]";

/// What is to be done.
enum Part {
    Configure { owner: Option<u32> },
    Policies,
    Modules { registry: String },
    Orders { cluster: String },
    Traffic { rate: u32 },
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(part) = part(&words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed("cannot start", &error),
    };
    match runtime.block_on(until_told(run(part))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("cannot go on", error.as_ref()),
    }
}

fn part(words: &[String]) -> Option<Part> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["configure"] => Some(Part::Configure { owner: None }),
        ["configure", "--owner", owner] => Some(Part::Configure {
            owner: Some(owner.parse().ok()?),
        }),
        ["policies"] => Some(Part::Policies),
        ["modules", registry] => Some(Part::Modules {
            registry: registry.to_owned(),
        }),
        ["orders", cluster] => Some(Part::Orders {
            cluster: cluster.to_owned(),
        }),
        ["traffic"] => Some(Part::Traffic { rate: RATE }),
        ["traffic", rate] => Some(Part::Traffic {
            rate: rate.parse().ok()?,
        }),
        _ => None,
    }
}

async fn run(part: Part) -> Result<(), Box<dyn Error>> {
    match part {
        Part::Configure { owner } => {
            let files = files()?;
            let configs = compose::read(&policies())??;
            files.write(&configs)?;
            if let Some(owner) = owner {
                files.give_to(owner)?;
            }
            let (documents, folder) = (configs.documents, files.folder.display());
            println!("wrote what the Envoys read, with {documents} documents, to {folder}");
            Ok(())
        }
        Part::Policies => policies::watch(&files()?, &policies()).await,
        Part::Modules { registry } => {
            let (from, to) = (Path::new("/filters"), files()?.modules);
            for pinned in compose::through(&registry, from, &to).await? {
                println!("{pinned}");
            }
            Ok(())
        }
        Part::Orders { cluster } => {
            let _serving = compose::orders(&cluster)?;
            std::future::pending().await
        }
        Part::Traffic { rate } => report::traffic(rate).await,
    }
}

fn files() -> Result<Files, Box<dyn Error>> {
    let layout = match std::env::var("LANDBRIDGE_SUBNET") {
        Ok(subnet) if !subnet.is_empty() => subnet.parse()?,
        _ => Layout::default(),
    };
    Ok(Files {
        folder: PathBuf::from("/mesh"),
        modules: PathBuf::from("/modules"),
        layout,
    })
}

fn policies() -> PathBuf {
    PathBuf::from("/policies")
}

/// Ends early when the container is stopped: the first process of one gets no default for that.
async fn until_told(
    work: impl Future<Output = Result<(), Box<dyn Error>>>,
) -> Result<(), Box<dyn Error>> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        done = work => done,
        _ = term.recv() => Ok(()),
        _ = int.recv() => Ok(()),
    }
}
