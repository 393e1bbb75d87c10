//! Connections from one caller to one sidecar, each used by one request at a time.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use http::Request;
use http::response::Parts;
use http_body_util::{BodyExt, Collected, Full};
use tokio::sync::{Notify, Semaphore};

use crate::call::CallError;
use crate::connect::{Connection, Way};

/// Enough that both workers of a sidecar get some.
const CONNECTIONS: usize = 16;

/// Connections that are kept; the one that rested longest is next.
pub(crate) struct Pool {
    way: Way,
    idle: Mutex<VecDeque<Connection>>,
    rested: Notify,
    /// So many are opened at a time. To open one costs more than to use one: without a limit, a load
    /// that once falls behind would open more and more, and never catch up.
    opening: Semaphore,
}

impl Pool {
    pub(crate) fn new(way: Way) -> Self {
        Self {
            way,
            idle: Mutex::default(),
            rested: Notify::new(),
            opening: Semaphore::new(CONNECTIONS),
        }
    }

    /// Opens the first connections, so that the first requests do not pay for them.
    pub(crate) async fn warm(&self) {
        for _ in 0..CONNECTIONS {
            // The request that needs it tells why it cannot be had.
            let Ok(connection) = self.way.connection().await else {
                return;
            };
            self.rest(connection);
        }
    }

    fn rest(&self, connection: Connection) {
        self.idle
            .lock()
            .expect("nobody panics with it")
            .push_back(connection);
        self.rested.notify_one();
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().expect("nobody panics with it");
        while let Some(connection) = idle.pop_front() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// One that rests, or a new one, whichever is sooner.
    async fn connection(&self) -> Result<Connection, CallError> {
        loop {
            if let Some(connection) = self.take() {
                return Ok(connection);
            }
            tokio::select! {
                () = self.rested.notified() => {}
                opening = self.opening.acquire() => {
                    let _opening = opening.expect("it is never closed");
                    return self.way.connection().await;
                }
            }
        }
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Parts, Collected<Bytes>), CallError> {
        let mut connection = self.connection().await?;
        let (head, body) = connection.send(request).await?.into_parts();
        let body = match body.collect().await {
            Ok(body) => body,
            Err(error) => return Err(connection.explain(&error).await),
        };
        self.rest(connection);
        Ok((head, body))
    }
}
