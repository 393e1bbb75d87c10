//! Cookies.

/// The value of a cookie among request headers (RFC 6265, section 5.4); HTTP/2 may split them over
/// several.
pub fn cookie<'h>(headers: &'h [(String, Vec<u8>)], name: &str) -> Option<&'h [u8]> {
    let lines = headers.iter().filter(|(header, _)| header == "cookie");
    let pairs = lines.flat_map(|(_, line)| line.split(|b| *b == b';'));
    pairs
        .map(<[u8]>::trim_ascii)
        .find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}
