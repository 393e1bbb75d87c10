//! `landbridge push`: the filters to a registry.

use crate::exit::{Failure, Outcome, print};
use crate::modules::Modules;
use crate::registry::{self, Registry};
use landbridge_oci::lock::Lock;
use landbridge_oci::sign::PrivateKey;
use landbridge_oci::{Client, Target, push};
use std::path::PathBuf;
use std::time::Instant;

/// Pack the filters and push them to a registry
///
/// Each filter goes to a repository of its own beneath the one named: with
/// `registry.example.com/landbridge:0.1.0`, to `…/landbridge/authz:0.1.0`, and in the layout of the
/// CNCF to `…/landbridge/authz:0.1.0-wasm`. A bill of materials is attached to both. Tags are set
/// last, when all of it is there.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// HOST/REPOSITORY[:TAG]; the tag is else Landbridge's version
    #[arg(value_name = "REFERENCE")]
    reference: String,
    #[command(flatten)]
    modules: Modules,
    #[command(flatten)]
    registry: Registry,
    /// Sign with this key, as cosign does; COSIGN_PASSWORD has its password
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
    /// The file that references and digests are written to
    #[arg(long, value_name = "FILE", default_value = "landbridge.lock.json")]
    lock: PathBuf,
    /// Print the lock file instead of a summary
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut target = Target::parse(&args.reference).map_err(Failure::of)?;
    if let Some(digest) = &target.digest {
        return Err(Failure::new(format!(
            "`{}` names the digest `{digest}`, and what is pushed makes its own: leave it out",
            args.reference
        )));
    }
    target
        .tag
        .get_or_insert_with(|| registry::VERSION.to_owned());
    let key = args
        .sign_key
        .as_ref()
        .map(|path| PrivateKey::read(path, || std::env::var(landbridge_oci::sign::PASSWORD).ok()));
    let key = key.transpose().map_err(Failure::of)?;
    let packed = args.modules.pack()?;
    let start = Instant::now();
    let done = registry::wait(async {
        let client = Client::new(&target.repository, &args.registry.settings())?;
        push::push(&client, &target, &packed.bundles, key.as_ref()).await
    })?;
    let took = start.elapsed();
    let lock = Lock::new(&packed.origin, &packed.bundles, Some(&target));
    lock.write(&args.lock).map_err(Failure::of)?;
    if args.json {
        print(&lock.to_json().map_err(Failure::of)?)?;
        return Ok(Outcome::Fine);
    }
    let mut text = String::new();
    for module in lock.modules.values() {
        for (reference, digest) in [
            (&module.reference, &module.digest),
            (&module.wasm.reference, &module.wasm.digest),
        ] {
            let reference = reference.as_deref().unwrap_or_default();
            text += &format!("{reference}@{digest}\n");
        }
    }
    print(&text)?;
    let signed = if key.is_some() {
        "signed"
    } else {
        "not signed"
    };
    anstream::eprintln!(
        "pushed {} blobs ({} bytes) in {:.2} s, {} were there already; {signed}",
        done.blobs,
        done.bytes,
        took.as_secs_f64(),
        done.there,
    );
    Ok(Outcome::Fine)
}
