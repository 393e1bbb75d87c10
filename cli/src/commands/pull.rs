//! `landbridge pull`: a module out of a registry.

use crate::exit::{Failure, Outcome, print};
use crate::registry::{self, Registry};
use landbridge_oci::sign::PublicKey;
use landbridge_oci::{Client, Digest, Target, layout, pull, verify};
use serde::Serialize;
use std::path::PathBuf;

/// Pull a filter's module from a registry
///
/// Digests and sizes are always checked. With `--verify`, so are the signature and that the bill of
/// materials is there, signed, and about this very module; nothing is written if one of that fails.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:…, in either layout
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// The file that the module is written to
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Verify the signature and the bill of materials
    #[arg(long, requires = "key")]
    verify: bool,
    /// The public key to verify with, such as cosign.pub
    #[arg(long, value_name = "FILE", requires = "verify")]
    key: Option<PathBuf>,
    #[command(flatten)]
    registry: Registry,
    /// Print what was pulled as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    reference: String,
    digest: &'a Digest,
    layout: &'static str,
    module: Module,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sbom: Option<Digest>,
}

#[derive(Serialize)]
struct Module {
    sha256: String,
    size: usize,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let target = Target::parse(&args.reference).map_err(Failure::of)?;
    let key = args.key.as_deref().map(PublicKey::read);
    let key = key.transpose().map_err(Failure::of)?;
    let (pulled, sbom) = registry::wait(async {
        let client = Client::new(&target.repository, &args.registry.settings())?;
        let pulled = pull::pull(&client, &target).await?;
        let sbom = match &key {
            Some(key) => Some(verify::verify(&client, &target.repository, &pulled, key).await?),
            None => None,
        };
        Ok((pulled, sbom))
    })?;
    layout::write_file(&args.output, &pulled.module).map_err(Failure::of)?;
    let told = Told {
        reference: target.reference(""),
        digest: &pulled.digest,
        layout: pulled.layout.name(),
        module: Module {
            sha256: Digest::of(&pulled.module).hex().to_owned(),
            size: pulled.module.len(),
        },
        verified: key.is_some(),
        sbom,
    };
    if args.json {
        let text = serde_json::to_string_pretty(&told)
            .map_err(|why| Failure::new(format!("cannot write JSON: {why}")))?;
        print(&format!("{text}\n"))?;
        return Ok(Outcome::Fine);
    }
    let Told {
        reference, module, ..
    } = &told;
    let Module { sha256, size } = module;
    let mut text = format!("{}  {sha256}  {size} bytes\n", args.output.display());
    text += &format!("from {reference}, manifest {}\n", pulled.digest);
    if let Some(sbom) = &told.sbom {
        text += &format!("signed by the key; bill of materials {sbom}\n");
    }
    print(&text)?;
    Ok(Outcome::Fine)
}
