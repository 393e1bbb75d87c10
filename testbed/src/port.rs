//! A port that a test can close, with all of its connections, and open again.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinSet};

use crate::Error;

type Served = Pin<Box<dyn Future<Output = ()> + Send>>;
type Serve = dyn Fn(TcpStream) -> Served + Send + Sync;

/// A port and what serves each of its connections; dropping it closes it.
pub(crate) struct Port {
    /// Whose it is, for an error.
    who: String,
    address: SocketAddr,
    runtime: Handle,
    serve: Arc<Serve>,
    serving: Mutex<Option<AbortHandle>>,
}

impl Port {
    /// Serves `listener` on the runtime that `runtime` names.
    pub(crate) fn open<F: Future<Output = ()> + Send + 'static>(
        who: String,
        listener: std::net::TcpListener,
        runtime: Handle,
        serve: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let address = listener
            .local_addr()
            .map_err(Error::io("ask a socket its address"))?;
        let port = Self {
            who,
            address,
            runtime,
            serve: Arc::new(move |stream| Box::pin(serve(stream))),
            serving: Mutex::default(),
        };
        port.listen(listener)?;
        Ok(port)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn is_open(&self) -> bool {
        self.serving().is_some()
    }

    /// Closes it, and every connection.
    pub(crate) fn close(&self) {
        if let Some(serving) = self.serving().take() {
            serving.abort();
        }
    }

    /// Opens it again; what is connected still is not any more.
    pub(crate) async fn reopen(&self) -> Result<(), Error> {
        self.close();
        // The aborted task frees the port when its runtime gets to it.
        for _ in 0..100 {
            if let Ok(listener) = std::net::TcpListener::bind(self.address) {
                listener
                    .set_nonblocking(true)
                    .map_err(Error::io("set a socket's mode"))?;
                return self.listen(listener);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(Error::Waited {
            what: format!("the port of {}", self.who),
            waited: Duration::from_secs(2),
        })
    }

    fn serving(&self) -> MutexGuard<'_, Option<AbortHandle>> {
        self.serving.lock().expect("nobody panics with it")
    }

    fn listen(&self, listener: std::net::TcpListener) -> Result<(), Error> {
        let _entered = self.runtime.enter();
        let listener = TcpListener::from_std(listener).map_err(Error::io("serve on a socket"))?;
        let task = self.runtime.spawn(accept(listener, self.serve.clone()));
        *self.serving() = Some(task.abort_handle());
        Ok(())
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { who, address, .. } = self;
        write!(f, "Port({who}, {address})")
    }
}

/// Serves until aborted; the connections end with it.
async fn accept(listener: TcpListener, serve: Arc<Serve>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        // Latency is measured here: no waiting to fill a segment.
        let _ = stream.set_nodelay(true);
        connections.spawn(serve(stream));
    }
}
