//! An HTTP/1.1 client that does next to nothing, so that the Envoy is what is measured: it writes a
//! request made beforehand, and reads until the answer is complete.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::solo::Stream;

/// A kept-alive connection.
pub struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: Stream> Connection<S> {
    /// Takes a stream that nothing was said on yet.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::with_capacity(4096),
        }
    }

    /// Sends a request and returns the answer.
    ///
    /// One at a time: to an Envoy, more than two answers that wait to be written are a flood, and
    /// one that answers by itself has so many at once for pipelined requests.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(bad("the Envoy closed a connection"));
            }
            match Answer::parse(&self.buffer)? {
                Some((answer, length)) if length == self.buffer.len() => return Ok(answer),
                Some(_) => return Err(bad("an answer goes on after its end")),
                None => {}
            }
        }
    }
}

/// An answer, but for its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    head: String,
}

impl Answer {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        // Envoy writes names in lower case.
        self.head.split("\r\n").skip(1).find_map(|line| {
            let (written, value) = line.split_once(": ")?;
            (written == name).then_some(value)
        })
    }

    /// The first answer and its length, body included; none if it is not complete.
    fn parse(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let odd = || bad("an answer is not what Envoy's HTTP/1.1 looks like");
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| odd())?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let answer = Self {
            status: status.ok_or_else(odd)?,
            head: head.to_owned(),
        };
        let body = answer.header("content-length");
        let body: usize = body.and_then(|body| body.parse().ok()).ok_or_else(odd)?;
        let length = end + 4 + body;
        Ok((bytes.len() >= length).then_some((answer, length)))
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let bytes =
            b"HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\nserver: envoy\r\n\r\naccessHTTP";
        let (answer, length) = Answer::parse(bytes).unwrap().unwrap();
        assert_eq!((answer.status, length), (403, bytes.len() - 4));
        assert_eq!(answer.header("server"), Some("envoy"));
        assert_eq!(answer.header("via"), None);
        assert_eq!(Answer::parse(&bytes[..40]).unwrap(), None);
        assert_eq!(Answer::parse(&bytes[..length - 1]).unwrap(), None);
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
