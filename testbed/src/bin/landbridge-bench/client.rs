//! An HTTP/1.1 client that does next to nothing, so that the Envoy is what is
//! measured: it writes a request made beforehand, and reads until the answer is
//! complete. Closed-loop: each connection has one request in flight, always.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use landbridge_testbed::Workload;
use landbridge_testbed::bench::{Solo, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::{Result, problem};

/// A kept-alive connection of a caller.
pub struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: Stream> Connection<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::with_capacity(4096),
        }
    }

    /// Sends a request and returns the answer's status.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(problem("the Envoy closed a connection"));
            }
            if let Some(answer) = Answer::parse(&self.buffer)? {
                match self.buffer.len() {
                    had if had == answer.length => return Ok(answer.status),
                    had if had > answer.length => {
                        return Err(problem("an answer goes on after its end"));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// A caller's connection to an Envoy.
pub async fn connect(solo: &Solo, caller: &Workload) -> Result<Connection<impl Stream + use<>>> {
    Ok(Connection::new(solo.connect(caller).await?))
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Head and body.
    length: usize,
}

impl Answer {
    /// None if the head is not complete.
    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let bad = || problem("an answer is not what Envoy's HTTP/1.1 looks like");
        let text = std::str::from_utf8(&bytes[..head]).map_err(|_| bad())?;
        let status = text.get(9..12).and_then(|status| status.parse().ok());
        // Envoy writes names in lower case.
        let body = text.split("\r\ncontent-length: ").nth(1);
        let body = body.and_then(|rest| rest.split('\r').next()?.parse::<usize>().ok());
        let (status, body) = status.zip(body).ok_or_else(bad)?;
        Ok(Some(Self {
            status,
            length: head + 4 + body,
        }))
    }
}

/// Connections that all repeat one request until they are stopped.
pub struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<()>>,
}

#[derive(Default)]
struct Shared {
    done: AtomicU64,
    stop: AtomicBool,
}

impl Load {
    /// Opens the connections and lets them go. Any answer with another status
    /// than `expected` ends the load with an error.
    pub async fn start(
        solo: &Solo,
        caller: &Workload,
        request: Vec<u8>,
        expected: u16,
        connections: usize,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let request: Arc<[u8]> = request.into();
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(connect(solo, caller).await?);
        }
        let mut tasks = JoinSet::new();
        for mut connection in open {
            let (shared, request) = (shared.clone(), request.clone());
            tasks.spawn(async move {
                while !shared.stop.load(Ordering::Relaxed) {
                    let status = connection.exchange(&request).await?;
                    if status != expected {
                        let what = format!("{status} instead of {expected} under load");
                        return Err(problem(what));
                    }
                    shared.done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        Ok(Self { shared, tasks })
    }

    /// How many requests were answered so far.
    pub fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// Ends it; what is in flight is awaited.
    pub async fn stop(mut self) -> Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.map_err(|error| problem(error.to_string()))??;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let bytes = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 13\r\nserver: envoy\r\n\r\naccess";
        let answer = Answer::parse(bytes).unwrap();
        assert_eq!(
            answer,
            Some(Answer {
                status: 403,
                length: bytes.len() + 7
            })
        );
        assert_eq!(Answer::parse(&bytes[..40]).unwrap(), None);
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
