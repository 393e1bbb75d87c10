//! Writes the JSON Schemas into the folder that is given: `cargo xtask schema`.

use std::{error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder)?;
    for (name, schema) in landbridge_model::schemas() {
        fs::write(
            folder.join(name),
            format!("{}\n", serde_json::to_string_pretty(&schema)?),
        )?;
    }
    Ok(())
}
