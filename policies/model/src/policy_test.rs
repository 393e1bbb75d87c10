//! `PolicyTest`: requests, and the decisions expected of the policies beside them.

use crate::filter_config::{Local, Options};
use crate::json::{Address, Json};
use crate::labels::Labels;
use crate::name::{ClusterName, Name};
use crate::pattern::{AnyOf, Port};
use crate::record::document;
use crate::validity::Timestamp;
use crate::word::words;
use std::collections::BTreeMap;

document! {
    /// The spec of a `PolicyTest`.
    pub struct PolicyTest {
        /// The proxy that the requests arrive at.
        pub local: Local,
        /// The filter's options.
        pub options: Options = default,
        /// The requests.
        pub cases: AnyOf<Case>,
    }

    /// One request and what is expected of it.
    pub struct Case {
        /// What it shows.
        pub name: String,
        /// What is asked.
        pub request: Request = default,
        /// What is decided.
        pub expect: Expectation,
    }

    /// One request.
    #[derive(Default)]
    pub struct Request {
        /// Who calls; nobody authenticated, where it is left out.
        pub from: Option<Caller> = default,
        /// The method; `GET`, where it is left out.
        pub method: Option<String> = default,
        /// `:authority`; `orders.shop.svc.cluster.local`, where it is left out.
        pub host: Option<String> = default,
        /// The path as sent, with its query; `/`, where it is left out.
        pub path: Option<String> = default,
        /// The port it arrives at; 8080, where it is left out.
        pub port: Option<Port> = default,
        /// The claims of the request's token, as Envoy's `jwt_authn` keeps them; no token, where
        /// they are left out.
        pub claims: Option<Json> = default,
        /// What other filters keep of the request, by filter and key.
        pub metadata: Option<Json> = default,
        /// The address that the connection came from; 127.0.0.1, where it is left out.
        pub source_ip: Option<Address> = default,
        /// The client's address; the one that the connection came from, where it is left out.
        pub remote_ip: Option<Address> = default,
        /// The address that the connection came to; 127.0.0.1, where it is left out.
        pub destination_ip: Option<Address> = default,
        /// The server name that the client asked for in TLS.
        pub sni: Option<String> = default,
        /// The service that a waypoint found the request to be for, as its full host name.
        pub service: Option<String> = default,
        /// When it arrives; not known, where it is left out.
        pub time: Option<Timestamp> = default,
        /// Further headers.
        #[deserr(from(Labels) = Labels::into_map)]
        pub headers: BTreeMap<String, String> = default,
    }

    /// Who calls: a workload of a cluster, or any SPIFFE ID.
    pub struct Caller {
        /// The SPIFFE ID without `spiffe://`, instead of the other fields.
        pub principal: Option<String> = default,
        /// The cluster, whose first trust domain the certificate has.
        pub cluster: Option<ClusterName> = default,
        /// The distinguished name of the certificate's issuer, as Envoy prints it.
        pub issuer: Option<String> = default,
        /// The namespace; `shop`, where it is left out.
        pub namespace: Option<Name> = default,
        /// The service account; `frontend`, where it is left out.
        pub service_account: Option<Name> = default,
    }

    /// What is expected. Only what is written is compared, but for `audited`: what is marked and not
    /// written is an error too.
    pub struct Expectation {
        /// The verdict.
        pub verdict: Verdict,
        /// The policy that decided, as `namespace/name`.
        pub policy: Option<String> = default,
        /// The rule that decided.
        pub rule: Option<String> = default,
        /// The reason code.
        pub reason: Option<String> = default,
        /// What the shadow changes would make of it.
        pub shadow: Option<ShadowOutcome> = default,
        /// The AUDIT policies that marked the request, as `namespace/name`.
        pub audited: Vec<String> = default,
    }
}

words! {
    /// What the candidate set decides, beside the enforced one.
    pub enum ShadowOutcome {
        /// The same.
        Same = "same",
        /// It would be refused.
        WouldDeny = "would_deny",
        /// It would go on.
        WouldAllow = "would_allow",
    }

    /// What becomes of a request.
    pub enum Verdict {
        /// It goes on.
        Allow = "Allow",
        /// It is answered with 403.
        Deny = "Deny",
        /// It is malformed, and answered with 400.
        Reject = "Reject",
    }
}
