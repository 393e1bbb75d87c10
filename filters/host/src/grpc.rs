//! gRPC: calls that a filter makes of its own, and the status of answers.

use std::time::Duration;

/// A unary gRPC call that the filter makes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcCall<'a> {
    /// The proxy's cluster that it goes to.
    pub cluster: &'a str,
    /// The `:authority`; the cluster's name, if there is none. Not every service takes a name that
    /// has a `|` in it, as Istio's have: those made with Rust's `h2` reset the stream.
    pub authority: Option<&'a str>,
    /// The service, with its package, e.g. `grpc.health.v1.Health`.
    pub service: &'a str,
    /// The method, e.g. `Check`.
    pub method: &'a str,
    /// Its metadata; pseudo-headers are not taken.
    pub metadata: &'a [(&'a str, &'a [u8])],
    /// The message.
    pub message: &'a [u8],
    /// How long its answer may take: a millisecond at least.
    pub timeout: Duration,
}

/// The gRPC status codes that a filter can answer: all that are not success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum GrpcStatus {
    /// 1: the caller gave up.
    Cancelled = 1,
    /// 2: nothing is known of it.
    Unknown = 2,
    /// 3: the request is malformed.
    InvalidArgument = 3,
    /// 4: it took too long.
    DeadlineExceeded = 4,
    /// 5: there is no such thing.
    NotFound = 5,
    /// 6: it is there already.
    AlreadyExists = 6,
    /// 7: the caller may not.
    PermissionDenied = 7,
    /// 8: the caller has had enough.
    ResourceExhausted = 8,
    /// 9: something else must come first.
    FailedPrecondition = 9,
    /// 10: somebody else was quicker.
    Aborted = 10,
    /// 11: it is behind the end.
    OutOfRange = 11,
    /// 12: nobody can do that.
    Unimplemented = 12,
    /// 13: something is broken.
    Internal = 13,
    /// 14: not now.
    Unavailable = 14,
    /// 15: something is lost.
    DataLoss = 15,
    /// 16: nobody knows who the caller is.
    Unauthenticated = 16,
}

impl GrpcStatus {
    const ALL: [Self; 16] = [
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The status of a code from 1 to 16.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Its code.
    pub fn code(self) -> u8 {
        self as u8
    }
}
