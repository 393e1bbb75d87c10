//! The kinds of bytes that identities, hosts and paths are made of.

/// What a byte is to a text that every request brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A digit, a small letter, `-` or `_`.
    Name,
    /// A capital letter.
    Capital,
    /// `.`.
    Dot,
    /// `/`.
    Slash,
    /// Anything else.
    Other,
}

impl Kind {
    /// Looked up, not compared: a few instructions for each byte of each request.
    pub(crate) fn of(b: u8) -> Self {
        KINDS.get(usize::from(b)).copied().unwrap_or(Self::Other)
    }
}

static KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut rest: &mut [Kind] = &mut kinds;
    let mut b = 0_u8;
    while let Some((kind, behind)) = rest.split_first_mut() {
        *kind = match b {
            b'0'..=b'9' | b'a'..=b'z' | b'-' | b'_' => Kind::Name,
            b'A'..=b'Z' => Kind::Capital,
            b'.' => Kind::Dot,
            b'/' => Kind::Slash,
            _ => Kind::Other,
        };
        rest = behind;
        b = b.wrapping_add(1);
    }
    kinds
};
