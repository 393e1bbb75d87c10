//! The filters' modules, as commands that ship them take them.

use crate::exit::Failure;
use crate::registry::VERSION;
use landbridge_oci::Module;
use landbridge_oci::bundle::{Bundle, FILTERS};
use landbridge_oci::origin::Origin;
use landbridge_oci::sbom::Components;
use std::path::PathBuf;

/// Which modules, and where they come from.
#[derive(clap::Args)]
pub(crate) struct Modules {
    /// The folder with the modules: authz.wasm, locality.wasm, shaping.wasm
    #[arg(long, value_name = "DIR", default_value = "target/filters")]
    modules: PathBuf,
    /// Landbridge's checkout that they were built from, for the revision and the bill of materials
    #[arg(long, value_name = "DIR", default_value = ".")]
    checkout: PathBuf,
    /// The commit that they were built from; else what git says of the checkout
    #[arg(long, value_name = "COMMIT")]
    revision: Option<String>,
    /// The address of the source; else that of the checkout's `origin`
    #[arg(long, value_name = "URL")]
    source: Option<String>,
}

/// The filters, packed.
pub(crate) struct Packed {
    pub(crate) origin: Origin,
    pub(crate) bundles: Vec<Bundle>,
}

impl Modules {
    pub(crate) fn pack(&self) -> Result<Packed, Failure> {
        let modules: Vec<_> = FILTERS
            .iter()
            .map(|filter| Module::read(&self.modules, filter))
            .collect();
        // Each that is missing is named.
        let missing: Vec<_> = modules.iter().filter_map(|m| m.as_ref().err()).collect();
        if !missing.is_empty() {
            return Err(Failure(missing.iter().map(ToString::to_string).collect()));
        }
        let origin = Origin::of_checkout(
            &self.checkout,
            VERSION,
            self.revision.as_deref(),
            self.source.as_deref(),
        )
        .map_err(Failure::of)?;
        let components = Components::of_checkout(&self.checkout).map_err(Failure::of)?;
        let bundles = modules
            .iter()
            .flatten()
            .map(|module| Bundle::new(module, &origin, &components))
            .collect::<Result<_, _>>()
            .map_err(Failure::of)?;
        Ok(Packed { origin, bundles })
    }
}
