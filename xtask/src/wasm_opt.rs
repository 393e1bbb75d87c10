//! Binaryen's optimiser, where the machine has it.
//!
//! It makes modules smaller and is not needed: what it cannot do (it is old, it is missing) is
//! said in a line, and the module stays as the compiler made it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::build::{read, replace};
use crate::{Error, Result, process, workspace};

/// For speed, as the `filter` profile.
const LEVEL: &str = "-O3";

/// What rustc emits for our target and an older wasm-opt refuses unless told to expect it.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
];

pub(crate) struct WasmOpt {
    path: PathBuf,
    version: String,
}

impl WasmOpt {
    pub(crate) fn find() -> Option<Self> {
        let path = workspace::on_path("wasm-opt")?;
        let version = process::output(Command::new(&path).arg("--version")).ok()?;
        Some(Self { path, version })
    }

    /// Writes the optimised `module` to `published`.
    ///
    /// The work takes seconds. A note beside the result says what it was made from, so that it
    /// is done again only when the module or the tool changes.
    pub(crate) fn publish(&self, module: &Path, published: &Path) -> Result<()> {
        let input = read(module)?;
        let note = published.with_extension("from");
        let made = |output: &[u8]| self.digest(&input, output);
        if let (Ok(output), Ok(noted)) = (fs::read(published), fs::read_to_string(&note))
            && noted == made(&output)
        {
            return Ok(());
        }
        let part = published.with_extension(format!("opt-{}", std::process::id()));
        let output = self.optimise(module, &part);
        // Wherever it stopped, the scratch file has served; it may never have been written.
        let _ = fs::remove_file(&part);
        match output {
            Ok(output) => {
                replace(published, &output)?;
                replace(&note, made(&output).as_bytes())
            }
            Err(why) => {
                eprintln!(
                    "wasm-opt: {} is left as the compiler made it: {why}",
                    module.display()
                );
                replace(published, &input)
            }
        }
    }

    fn optimise(&self, module: &Path, part: &Path) -> Result<Vec<u8>> {
        let mut wasm_opt = Command::new(&self.path);
        wasm_opt
            .arg(LEVEL)
            .args(FEATURES)
            .arg(module)
            .arg("-o")
            .arg(part)
            .stdin(Stdio::null());
        process::run(&mut wasm_opt)?;
        let output = read(part)?;
        if output.starts_with(b"\0asm") {
            return Ok(output);
        }
        Err(Error::new("wasm-opt did not write a module"))
    }

    /// Names an input, an output and the tool between them. Good enough to notice a change; it
    /// guards against nobody.
    fn digest(&self, input: &[u8], output: &[u8]) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.version, LEVEL, FEATURES, input, output).hash(&mut hasher);
        format!("{:016x}\n", hasher.finish())
    }
}
