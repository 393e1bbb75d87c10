//! `landbridge package`: the filters as an OCI image layout.

use crate::exit::{Failure, Outcome, print};
use crate::modules::Modules;
use landbridge_oci::layout;
use landbridge_oci::lock::Lock;
use std::path::PathBuf;

/// Pack the filters as OCI images, into an OCI image layout
///
/// Each filter is there twice: `authz` is what Istio's agent takes, `authz-wasm` the layout of the
/// CNCF. The same modules make the same bytes, whenever and wherever they are packed. Other tools
/// copy from the layout, for example skopeo, as `oci:DIR:authz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    modules: Modules,
    /// The layout's folder: new, empty, or a layout already
    #[arg(short, long, value_name = "DIR", default_value = "target/oci")]
    output: PathBuf,
    /// The file that the digests are written to
    #[arg(long, value_name = "FILE", default_value = "landbridge.lock.json")]
    lock: PathBuf,
    /// Print the lock file instead of a summary
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let packed = args.modules.pack()?;
    layout::write(&args.output, &packed.bundles).map_err(Failure::of)?;
    let lock = Lock::new(&packed.origin, &packed.bundles, None);
    lock.write(&args.lock).map_err(Failure::of)?;
    if args.json {
        print(&lock.to_json().map_err(Failure::of)?)?;
        return Ok(Outcome::Fine);
    }
    let mut text = String::new();
    for (name, module) in &lock.modules {
        let at = args.output.display();
        text += &format!("oci:{at}:{name}  {}\n", module.digest);
        text += &format!("oci:{at}:{name}-wasm  {}\n", module.wasm.digest);
    }
    print(&text)?;
    Ok(Outcome::Fine)
}
