//! Requests that no polite client sends: HTTP/1.1 byte by byte, HTTP/2 field by field.
//!
//! Nothing is checked, folded or put in order here. HPACK is written in its plainest form
//! (literals without indexing, no Huffman code), so that a name or value arrives as it was given.

use std::borrow::Cow;

use crate::Mesh;
use crate::call::{Call, CallError};
use crate::pki::Identity;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const LARGEST_FRAME: usize = 16384;

/// A name and a value, as they are.
pub type RawField<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// What came of a raw request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawOutcome {
    /// An answer.
    Answered(RawReply),
    /// The connection or the stream ended without one.
    Ended,
    /// Nothing, for as long as anyone would wait.
    Silent,
}

/// An answer to a raw request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawReply {
    /// The HTTP status.
    pub status: u16,
    /// The body, as far as it came.
    pub body: Vec<u8>,
}

impl RawOutcome {
    /// The status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(reply) => Some(reply.status),
            Self::Ended | Self::Silent => None,
        }
    }

    /// What the first answer in HTTP/1.1 bytes says, and whether all of it is there. A body
    /// without a length goes to the end.
    fn of_http1(answer: &[u8]) -> Option<(Self, bool)> {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let status = head.strip_prefix("http/1.1 ")?.get(..3)?.parse().ok()?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let body = &answer[end + 4..];
        let whole = length.is_some_and(|length| body.len() >= length);
        let body = body[..length.unwrap_or(body.len()).min(body.len())].to_vec();
        Some((Self::Answered(RawReply { status, body }), whole))
    }
}

/// One request of HTTP/2, on stream 1.
#[derive(Debug, Clone, Default)]
pub struct RawStream<'a> {
    /// The fields of the first block, pseudo-headers too.
    pub fields: Vec<RawField<'a>>,
    /// What DATA frames hold.
    pub body: Cow<'a, [u8]>,
    /// The fields of a block behind the body.
    pub trailers: Vec<RawField<'a>>,
}

impl RawStream<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &[]));
        let (body, trailers) = (!self.body.is_empty(), !self.trailers.is_empty());
        bytes.extend(block(&self.fields, !body && !trailers));
        if body {
            let end = if trailers { 0 } else { END_STREAM };
            bytes.extend(frame(DATA, end, 1, &self.body));
        }
        if trailers {
            bytes.extend(block(&self.trailers, true));
        }
        bytes
    }
}

impl Mesh {
    /// Sends bytes that should be HTTP/1.1 over mTLS to a cluster's server sidecar, and reads one
    /// answer.
    pub async fn raw_http1(
        &self,
        to: &str,
        from: impl Into<Identity>,
        bytes: &[u8],
    ) -> Result<RawOutcome, CallError> {
        self.raw_http1_as(&Call::get("/").from(from).to(to), bytes)
            .await
    }

    /// Sends bytes that should be HTTP/1.1 the way that a call goes, through a gateway too, and
    /// reads one answer. Of the call, only the way counts.
    pub async fn raw_http1_as(&self, call: &Call, bytes: &[u8]) -> Result<RawOutcome, CallError> {
        let done = |answer: &[u8]| RawOutcome::of_http1(answer).is_some_and(|(_, whole)| whole);
        let answer = self.raw_until(call, bytes, done).await;
        Ok(match ended(answer)? {
            None => RawOutcome::Ended,
            Some((answer, _)) if !answer.is_empty() => {
                RawOutcome::of_http1(&answer).map_or(RawOutcome::Ended, |(outcome, _)| outcome)
            }
            Some((_, closed)) if closed => RawOutcome::Ended,
            Some(_) => RawOutcome::Silent,
        })
    }

    /// Sends one HTTP/2 request over mTLS to a cluster's server sidecar.
    pub async fn raw_http2(
        &self,
        to: &str,
        from: impl Into<Identity>,
        request: &RawStream<'_>,
    ) -> Result<RawOutcome, CallError> {
        self.raw_http2_as(&Call::get("/").from(from).to(to), request)
            .await
    }

    /// Sends one HTTP/2 request the way that a call goes. Of the call, only the way counts.
    pub async fn raw_http2_as(
        &self,
        call: &Call,
        request: &RawStream<'_>,
    ) -> Result<RawOutcome, CallError> {
        let done = |answer: &[u8]| of_http2(answer).is_some();
        let call = call.clone().http2();
        let answer = self.raw_until(&call, &request.bytes(), done).await;
        Ok(match ended(answer)? {
            None => RawOutcome::Ended,
            Some((answer, closed)) => of_http2(&answer).unwrap_or(if closed {
                RawOutcome::Ended
            } else {
                RawOutcome::Silent
            }),
        })
    }
}

/// A connection that breaks under the request is an end like any other.
fn ended(answer: Result<(Vec<u8>, bool), CallError>) -> Result<Option<(Vec<u8>, bool)>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(CallError::Http(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a test's frame is short");
    let length = length.to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A block of fields: HEADERS, and CONTINUATION where it does not fit one frame.
fn block(fields: &[RawField<'_>], end_stream: bool) -> Vec<u8> {
    let block: Vec<u8> = fields
        .iter()
        .flat_map(|(name, value)| field(name, value))
        .collect();
    let mut chunks = block.chunks(LARGEST_FRAME).peekable();
    let mut bytes = Vec::new();
    let mut kind = HEADERS;
    let mut flags = if end_stream { END_STREAM } else { 0 };
    loop {
        let chunk = chunks.next().unwrap_or_default();
        let last = chunks.peek().is_none();
        let end = if last { END_HEADERS } else { 0 };
        bytes.extend(frame(kind, flags | end, 1, chunk));
        if last {
            return bytes;
        }
        (kind, flags) = (CONTINUATION, 0);
    }
}

/// A field without indexing, by its name (RFC 7541, section 6.2.2).
fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0], &*length(name), name, &*length(value), value].concat()
}

/// A length, its prefix of 7 bits, not Huffman-coded (RFC 7541, section 5.1).
fn length(text: &[u8]) -> Vec<u8> {
    let Some(mut rest) = text.len().checked_sub(127) else {
        return vec![text.len() as u8];
    };
    let mut bytes = vec![127];
    while rest >= 128 {
        bytes.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    bytes.push(rest as u8);
    bytes
}

/// What became of stream 1; none if more must come.
fn of_http2(mut answer: &[u8]) -> Option<RawOutcome> {
    let mut reply: Option<RawReply> = None;
    while let Some((head, behind)) = answer.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (payload, next) = behind.split_at_checked(length)?;
        let (kind, flags) = (head[3], head[4]);
        match (kind, &mut reply) {
            (HEADERS, None) => {
                reply = Some(RawReply {
                    status: status(payload)?,
                    body: Vec::new(),
                });
            }
            (DATA, Some(reply)) => reply.body.extend(payload),
            (RESET | GOAWAY, _) => {
                return Some(reply.map_or(RawOutcome::Ended, RawOutcome::Answered));
            }
            _ => {}
        }
        if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
            return reply.map(RawOutcome::Answered);
        }
        answer = next;
    }
    None
}

/// The `:status` of a first block of response headers, which it must begin with: by the static
/// table's index (RFC 7541, appendix A), or as a literal.
fn status(block: &[u8]) -> Option<u16> {
    match block {
        // A change of the table's size is nothing to a table that is not read.
        [0x20..0x40, rest @ ..] => status(rest),
        [index @ 0x88..=0x8e, ..] => {
            let known = [200, 204, 206, 304, 400, 404, 500];
            known.get(usize::from(index - 0x88)).copied()
        }
        // A literal, with indexing or without, under the name that is 8 in the table.
        [0x48..0x4f | 0x08 | 0x18, length, text @ ..] => {
            let text = text.get(..usize::from(length & 0x7f))?;
            let digits = if length & 0x80 == 0 {
                String::from_utf8(text.to_vec()).ok()?
            } else {
                huffman_digits(text)?
            };
            digits.parse().ok()
        }
        _ => None,
    }
}

/// Three digits out of HPACK's Huffman code (RFC 7541, appendix B): five bits each from 0 to 2,
/// and six from 3 to 9.
fn huffman_digits(text: &[u8]) -> Option<String> {
    let bits: String = text.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut bits = bits.as_str();
    let mut digits = String::new();
    while digits.len() < 3 {
        let short = u8::from_str_radix(bits.get(..5)?, 2).ok()?;
        let (digit, length) = if short < 3 {
            (short, 5)
        } else {
            let long = u8::from_str_radix(bits.get(..6)?, 2).ok()?;
            (long.checked_sub(0x19)?.checked_add(3)?, 6)
        };
        digits.push(char::from_digit(u32::from(digit), 10)?);
        bits = &bits[length..];
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_in_as_many_bytes_as_it_takes() {
        assert_eq!(length(&[0; 10]), [10]);
        assert_eq!(length(&[0; 127]), [127, 0]);
        assert_eq!(length(&[0; 1337]), [127, 0xba, 0x09]);
    }

    #[test]
    fn a_status_is_read_in_every_form() {
        let cases: [(&[u8], u16); 5] = [
            (&[0x88], 200),
            (&[0x20, 0x8c], 400),
            (&[0x48, 0x03, b'4', b'0', b'3'], 403),
            // RFC 7541, appendix C.6.1: 302.
            (&[0x48, 0x82, 0x64, 0x02], 302),
            (&[0x08, 0x03, b'5', b'0', b'3'], 503),
        ];
        for (block, wanted) in cases {
            assert_eq!(status(block), Some(wanted), "{block:02x?}");
        }
    }

    #[test]
    fn a_stream_that_is_reset_has_ended_and_one_that_goes_on_has_not() {
        let headers = frame(HEADERS, END_HEADERS, 1, &[0x88]);
        let data = frame(DATA, END_STREAM, 1, b"{}");
        assert_eq!(of_http2(&headers), None);
        let whole = of_http2(&[headers, data].concat()).unwrap();
        assert_eq!(whole.status(), Some(200));
        let reset = frame(RESET, 0, 1, &[0; 4]);
        assert_eq!(of_http2(&reset), Some(RawOutcome::Ended));
    }

    #[test]
    fn an_http1_body_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK";
        let reply = RawReply {
            status: 403,
            body: b"no".to_vec(),
        };
        let outcome = RawOutcome::Answered(reply);
        assert_eq!(RawOutcome::of_http1(answer), Some((outcome, true)));
        let (_, whole) = RawOutcome::of_http1(&answer[..answer.len() - 16]).unwrap();
        assert!(!whole);
    }
}
