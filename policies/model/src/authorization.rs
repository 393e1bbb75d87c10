//! `CrossClusterAuthorization`: Istio's `AuthorizationPolicy` grammar, and where a caller is.

use crate::address::IpBlock;
use crate::condition::Condition;
use crate::grpc::GrpcPattern;
use crate::name::Name;
use crate::path_pattern::PathPattern;
use crate::pattern::{AnyOf, NamespacedName, Pattern, Port};
use crate::record::{document, lists};
use crate::request_principal::RequestPrincipal;
use crate::target::Target;
use crate::validity::Validity;
use crate::word::words;

document! {
    /// The spec of a `CrossClusterAuthorization`.
    pub struct Authorization {
        /// Where the policy applies; everywhere, where it is left out.
        pub target: Target = default,
        /// What a matching rule does.
        pub action: Action = default,
        /// Whether the policy is in force, or tried beside those that are.
        pub mode: Mode = default,
        /// Policies that a `Shadow` one would take the place of.
        pub replaces: Option<AnyOf<NamespacedName>> = default,
        /// The rules, any of which matches. Left out, the policy matches nothing: an ALLOW policy
        /// without rules denies everything.
        pub rules: Option<AnyOf<Rule>> = default,
    }
}

words! {
    /// What a matching rule does.
    #[derive(Default)]
    pub enum Action {
        /// Lets the request through, unless a DENY policy matches.
        #[default]
        Allow = "ALLOW",
        /// Refuses the request.
        Deny = "DENY",
        /// Marks the request and decides nothing.
        Audit = "AUDIT",
    }
}

words! {
    /// Whether a policy is in force. What would be decided if every shadow change were made is
    /// decided beside what is, and reported.
    #[derive(Default)]
    pub enum Mode {
        /// It is in force.
        #[default]
        Enforce = "Enforce",
        /// It is not in force, and would be.
        Shadow = "Shadow",
        /// It is in force, and would not be.
        Retire = "Retire",
    }
}

document! {
    /// A rule matches where one of `from`, one of `to` and all of `when` do.
    pub struct Rule {
        /// The name that decisions, metrics and logs call it by; its index, where it has none.
        pub name: Option<Name> = default,
        /// Who calls; anyone, where it is left out.
        pub from: Option<AnyOf<From>> = default,
        /// What is asked; anything, where it is left out.
        pub to: Option<AnyOf<To>> = default,
        /// Further conditions, all of which must hold.
        pub when: Option<AnyOf<Condition>> = default,
        /// When it holds; always, where it is left out.
        pub validity: Option<Validity> = default,
    }

    /// Istio's wrapper around a source.
    pub struct From {
        /// The source.
        pub source: Source,
    }

    /// Istio's wrapper around an operation.
    pub struct To {
        /// The operation.
        pub operation: Operation,
    }
}

lists! {
    /// Who calls. All fields that are there must match; within one, any value does.
    Source in AnyOf {
        /// The caller's cluster, as its certificate proves it.
        clusters / not_clusters: Pattern,
        /// The region of the caller's cluster.
        regions / not_regions: Pattern,
        /// The jurisdiction of that region.
        jurisdictions / not_jurisdictions: Pattern,
        /// The network of the caller's cluster.
        networks / not_networks: Pattern,
        /// The caller's SPIFFE ID without `spiffe://`.
        principals / not_principals: Pattern,
        /// The caller's namespace.
        namespaces / not_namespaces: Pattern,
        /// The caller's service account.
        service_accounts / not_service_accounts: NamespacedName,
        /// The trust domain of the caller's SPIFFE ID.
        trust_domains / not_trust_domains: Pattern,
        /// Issuer and subject of the request's token.
        request_principals / not_request_principals: RequestPrincipal,
        /// The address that the connection came from.
        ip_blocks / not_ip_blocks: IpBlock,
        /// The address of the client, as far as the proxies before this one tell the truth.
        remote_ip_blocks / not_remote_ip_blocks: IpBlock,
    }
}

lists! {
    /// What is asked. All fields that are there must match; within one, any value does.
    Operation in AnyOf {
        /// The host of `:authority`, without its port; case is ignored.
        hosts / not_hosts: Pattern,
        /// The port that the request arrived at.
        ports / not_ports: Port,
        /// The method.
        methods / not_methods: Pattern,
        /// The path, normalised, without its query.
        paths / not_paths: PathPattern,
        /// `package.Service` or `package.Service/Method`, which a gRPC call asks for.
        grpc_services / not_grpc_services: GrpcPattern,
        /// A label that the mesh gives to requests.
        data_classes / not_data_classes: Pattern,
    }
}
