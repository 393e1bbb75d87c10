//! Runtimes of the testbed's own: a test that blocks does not stop what serves it.

use tokio::runtime::{Builder, Handle, Runtime};

use crate::Error;

/// A runtime that ends with its owner, and waits for nothing then.
#[derive(Debug)]
pub(crate) struct Own(Option<Runtime>);

impl Own {
    pub(crate) fn start(threads: usize) -> Result<Self, Error> {
        Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("landbridge-testbed")
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(Error::io("make a runtime"))
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is taken on drop only").handle()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // A runtime may not be dropped where another one runs.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
