//! gRPC calls that a filter made, and their answers, which the test gives.

use super::MockHost;
use crate::grpc_service::grpc_service;
use crate::{CallId, GrpcCall, Headers, HostError};
use std::time::Duration;

/// A gRPC call that a filter made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentGrpc {
    /// By which its answer is known.
    pub id: CallId,
    /// The cluster that it goes to.
    pub cluster: String,
    /// Its authority.
    pub authority: Option<String>,
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// Its metadata.
    pub metadata: Headers,
    /// The message.
    pub message: Vec<u8>,
    /// How long its answer may take.
    pub timeout: Duration,
}

impl MockHost {
    /// A gRPC call has this answer, which the host gives from now on: what `on_tick_grpc` is to
    /// be told. One that failed is told as `Err`, with its status.
    pub fn answer_grpc(&self, message: &[u8]) -> Result<usize, u32> {
        self.message.replace(message.to_vec());
        Ok(message.len())
    }

    /// The gRPC calls that were made since the last look.
    pub fn take_grpc_calls(&self) -> Vec<SentGrpc> {
        self.grpc_calls.take()
    }

    pub(super) fn send_grpc(&self, call: &GrpcCall<'_>) -> Result<CallId, HostError> {
        let mut names = call.metadata.iter().map(|(name, _)| name);
        let is_told = grpc_service(call.cluster, call.authority).is_some();
        if !is_told || names.any(|name| name.starts_with(':')) {
            return Err(HostError {
                call: "call grpc",
                status: 2,
            });
        }
        let id = self.next_call();
        let metadata = call.metadata.iter();
        self.grpc_calls.borrow_mut().push(SentGrpc {
            id,
            cluster: call.cluster.to_owned(),
            authority: call.authority.map(str::to_owned),
            service: call.service.to_owned(),
            method: call.method.to_owned(),
            metadata: metadata
                .map(|(n, v)| ((*n).to_owned(), v.to_vec()))
                .collect(),
            message: call.message.to_vec(),
            timeout: call.timeout,
        });
        Ok(id)
    }
}
