//! The modules, where the Envoys read them.

use std::error::Error;
use std::fs;
use std::path::Path;

/// The modules of this image.
const FILTERS: &str = "/filters";

/// Puts all modules into `folder`.
pub(crate) fn by(folder: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(FILTERS)? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    Ok(())
}
