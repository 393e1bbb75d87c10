//! Policies that change while the mesh runs.
//!
//! The folder is read twice a second: file systems that a laptop shares with its containers do not
//! tell of changes. What is wrong is told, and what was in force stays so.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use landbridge_testbed::compose::{self, Files};

const EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn watch(files: &Files, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut last = None;
    loop {
        // An editor may be at it: what cannot be read now can be the next time.
        let read = compose::read(folder).map_err(|error| error.to_string());
        let read = read.and_then(|read| read);
        if last.as_ref() != Some(&read) {
            match &read {
                Ok(configs) => {
                    files.deliver(configs)?;
                    println!("delivered {} documents", configs.documents);
                }
                Err(why) => println!("what was delivered before stays in force:\n{why}"),
            }
            last = Some(read);
        }
        tokio::time::sleep(EVERY).await;
    }
}
