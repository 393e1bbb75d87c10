//! As much of Redis's protocol as a counter needs: a command, and an answer of whole numbers.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// A connection to a Redis that is made when it is needed.
pub(super) struct Client {
    address: SocketAddr,
    connection: Mutex<Option<BufStream<TcpStream>>>,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: Mutex::default(),
        }
    }

    /// Sends a command; says why there is no answer.
    pub(super) async fn ask(&self, words: &[String]) -> Result<Vec<u64>, String> {
        let mut connection = self.connection.lock().await;
        // Whoever gives up in the middle leaves no connection behind, and so no answer to another.
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => match TcpStream::connect(self.address).await {
                Ok(stream) => BufStream::new(stream),
                Err(error) => return Err(format!("cannot reach Redis: {error}")),
            },
        };
        let answer = exchange(&mut stream, words).await;
        let answer = answer.map_err(|error| format!("Redis does not answer: {error}"))?;
        *connection = Some(stream);
        answer
    }
}

async fn exchange(
    stream: &mut BufStream<TcpStream>,
    words: &[String],
) -> io::Result<Result<Vec<u64>, String>> {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(command.as_bytes()).await?;
    stream.flush().await?;
    let first = line(stream).await?;
    let Some(count) = first.strip_prefix('*') else {
        return Ok(Err(format!("Redis says `{first}`")));
    };
    let mut numbers = Vec::new();
    for _ in 0..number(count)? {
        let line = line(stream).await?;
        numbers.push(number(line.trim_start_matches(':'))?);
    }
    Ok(Ok(numbers))
}

async fn line(stream: &mut BufStream<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

fn number(text: &str) -> io::Result<u64> {
    let told = |_| io::Error::other(format!("`{text}` is no count"));
    text.parse().map_err(told)
}
