//! The traffic, and a line every few seconds of who served it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use landbridge_testbed::compose::{self, Layout, Tally};

const EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn traffic(rate: u32) -> Result<(), Box<dyn Error>> {
    let mut all = Vec::new();
    for cluster in Layout::clusters() {
        let tally = Arc::new(Tally::default());
        all.push((cluster.name.clone(), tally.clone()));
        tokio::spawn(async move { compose::traffic(cluster, rate, &tally).await });
    }
    loop {
        tokio::time::sleep(EVERY).await;
        let lines = all.iter().map(|(cluster, tally)| {
            let counted = tally.take();
            let counted = counted
                .iter()
                .map(|(what, times)| format!("{what} {times}"));
            format!("{cluster}: {}", counted.collect::<Vec<_>>().join(", "))
        });
        println!("{}", lines.collect::<Vec<_>>().join("   "));
    }
}
