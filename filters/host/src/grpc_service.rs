//! Where a gRPC call goes, as the proxy takes it: `envoy.config.core.v3.GrpcService`.
//!
//! Envoy takes the name of a cluster too, but first tries to read it as a message; and what is a
//! message that names nothing makes proxy-wasm panic. So it gets a message, in which there is room
//! for the authority. proxy-wasm wants it to be text: the lengths in it stay below 128, where they
//! are one byte of ASCII, and cluster and authority stand in two halves, which protobuf merges.

/// The field `envoy_grpc` of `GrpcService`, of type `EnvoyGrpc`.
const ENVOY_GRPC: u8 = 0x0a;
/// The field `cluster_name` of `EnvoyGrpc`.
const CLUSTER_NAME: u8 = 0x0a;
/// The field `authority` of `EnvoyGrpc`.
const AUTHORITY: u8 = 0x12;
/// The longest text that fits: a tag and a length stand before it.
const LONGEST: usize = 125;

/// The message, if all of it fits.
pub(crate) fn grpc_service(cluster: &str, authority: Option<&str>) -> Option<String> {
    let mut message = String::new();
    half(&mut message, CLUSTER_NAME, cluster)?;
    if let Some(authority) = authority {
        half(&mut message, AUTHORITY, authority)?;
    }
    Some(message)
}

fn half(message: &mut String, field: u8, value: &str) -> Option<()> {
    let length = u8::try_from(value.len()).ok()?;
    if value.len() > LONGEST {
        return None;
    }
    let head = [ENVOY_GRPC, length.checked_add(2)?, field, length];
    message.push_str(std::str::from_utf8(&head).ok()?);
    message.push_str(value);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_and_its_authority_are_two_halves_of_one_message() {
        assert_eq!(grpc_service("ab", None).as_deref(), Some("\n\x04\n\x02ab"));
        assert_eq!(
            grpc_service("ab", Some("c")).as_deref(),
            Some("\n\x04\n\x02ab\n\x03\x12\x01c")
        );
        let longest = "a".repeat(LONGEST);
        let message = grpc_service(&longest, Some(&longest));
        assert!(message.is_some_and(|m| m.bytes().all(|b| b < 0x80) && m.len() == 258));
    }

    #[test]
    fn what_is_too_long_does_not_fit() {
        for length in [126, 128, 255, 256, 1 << 16] {
            let long = "a".repeat(length);
            assert_eq!(grpc_service(&long, None), None);
            assert_eq!(grpc_service("a", Some(&long)), None);
        }
    }
}
