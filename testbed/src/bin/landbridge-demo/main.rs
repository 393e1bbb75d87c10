//! `cargo xtask demo`: a mesh of real Envoys decides who may cross, live.
//!
//! Each chapter sends requests and checks what was decided; the last line counts them, and the
//! exit code says whether all were as expected.

mod failover;
mod ledger;
mod policies;
mod requests;
mod shaping;
mod show;
mod updates;

use std::error::Error;
use std::process::ExitCode;

use landbridge_testbed::{CLIENT_ADMIN_PORT, Mesh, OUTBOUND_PORT, SERVER_ADMIN_PORT, failed};
use ledger::Ledger;

const FAILED: &str = "the demo could not be shown";

fn main() -> ExitCode {
    let keep = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--keep") => true,
        Some(other) => {
            eprintln!("unknown argument `{other}`: there is `--keep`");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(FAILED, &error),
    };
    match runtime.block_on(demo(keep)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failed(FAILED, error.as_ref()),
    }
}

async fn demo(keep: bool) -> Result<bool, Box<dyn Error>> {
    show::picture();
    let mesh = Mesh::builder("demo")
        .config(policies::config(policies::TEXT)?)
        .extra_trust_domain("stray.example")
        .start()
        .await?;
    let mut ledger = Ledger::default();
    requests::chapter(&mesh, &mut ledger).await?;
    updates::change(&mesh, &mut ledger).await?;
    updates::breakage(&mesh, &mut ledger).await?;
    failover::chapter(&mut ledger).await?;
    shaping::chapter(&mut ledger).await?;
    if keep {
        keep_running(&mesh).await?;
    }
    Ok(ledger.close())
}

async fn keep_running(mesh: &Mesh) -> Result<(), Box<dyn Error>> {
    show::chapter("The mesh keeps running; end it with Ctrl-C", &[]);
    for cluster in mesh.clusters() {
        let ip = mesh.ip(cluster)?;
        println!(
            "  {cluster}: admin of the server sidecar {ip}:{SERVER_ADMIN_PORT}, of the client sidecar {ip}:{CLIENT_ADMIN_PORT}"
        );
    }
    let from = mesh.ip("euw1-a")?;
    println!("  files and logs: {}", mesh.folder().display());
    println!("\n  from shop/frontend in euw1-a to orders in use1-a, through the client sidecar:");
    println!(
        "    curl -i -H 'host: orders.shop.svc.cluster.local' -H 'x-landbridge-cluster: use1-a' http://{from}:{OUTBOUND_PORT}/orders\n"
    );
    tokio::signal::ctrl_c().await?;
    Ok(())
}
