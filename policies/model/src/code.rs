//! The closed list of diagnostic codes. Each has a page in `docs/diagnostics/`.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; the document is accepted.
    Warning,
    /// The document is refused.
    Error,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $severity:ident;)+) => {
        /// A stable diagnostic code, `LBxxxx`: 00 reading, 01 one field, 02 names and
        /// references, 03 meaning, 04 limits, 05 tests, 06 Istio.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As users see it, e.g. `LB0101`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Whether it refuses the document.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// The text is neither YAML nor JSON.
    Syntax = "LB0001", Error;
    /// A mapping has the same key twice.
    DuplicateKey = "LB0002", Error;
    /// There is no document in the input.
    NoDocument = "LB0003", Error;
    /// A packed configuration that is not what was packed.
    Damaged = "LB0004", Error;
    /// A field that the document does not have.
    UnknownField = "LB0101", Error;
    /// A value of the wrong type.
    WrongType = "LB0102", Error;
    /// A field that must be there is missing.
    MissingField = "LB0103", Error;
    /// A value that is not one of those accepted.
    UnknownValue = "LB0104", Error;
    /// A list of values to match that is empty.
    EmptyList = "LB0105", Error;
    /// A value of the right type and the wrong form.
    InvalidValue = "LB0106", Error;
    /// An `apiVersion` that this version does not read.
    UnknownApiVersion = "LB0107", Error;
    /// A `kind` that this version does not read.
    UnknownKind = "LB0108", Error;
    /// What an Istio document says cannot be had here.
    NotImported = "LB0109", Error;
    /// Two things of one kind have the same name.
    DuplicateName = "LB0201", Error;
    /// A cluster that `Mesh` does not have.
    UnknownCluster = "LB0202", Error;
    /// A region that `Mesh` does not have.
    UnknownRegion = "LB0203", Error;
    /// A jurisdiction that no region is under.
    UnknownJurisdiction = "LB0204", Error;
    /// A network that no cluster is on.
    UnknownNetwork = "LB0205", Error;
    /// Two clusters could claim one identity.
    AmbiguousIdentity = "LB0206", Error;
    /// No `Mesh` where policies need one.
    NoMesh = "LB0207", Error;
    /// More than one `Mesh`.
    SeveralMeshes = "LB0208", Error;
    /// A policy that the test names is not there.
    UnknownPolicy = "LB0209", Error;
    /// A data class that `Mesh` does not have.
    UnknownDataClass = "LB0210", Error;
    /// A policy, or a part of one, that does nothing.
    NeverMatches = "LB0301", Warning;
    /// A value is both wanted and excluded, so the rule never matches.
    Contradiction = "LB0302", Warning;
    /// The proxy does not know a fact about itself that a policy's target needs.
    UnknownLocal = "LB0303", Error;
    /// Istio means something else by it than it seems to say.
    MeansOtherwise = "LB0304", Warning;
    /// Istio lets callers in by it that whoever wrote it may not have meant.
    AdmitsMore = "LB0305", Warning;
    /// Gateways are trusted by a name that those of several clusters have.
    GatewayOfAnyCluster = "LB0306", Warning;
    /// A residency leaves a service with no cluster.
    NowhereToGo = "LB0307", Error;
    /// Clusters are ordered by links, and the mesh says nothing of them.
    NoLinks = "LB0308", Warning;
    /// A drain lasts so long that it may have been forgotten.
    LongDrain = "LB0309", Warning;
    /// Drains leave a service with no cluster for a time.
    AllDrained = "LB0310", Warning;
    /// Requests of a data class may go to no cluster of a service.
    ClassNowhereToGo = "LB0311", Warning;
    /// Whoever sends other values each time gets around a limit.
    KeyChosenByCaller = "LB0312", Warning;
    /// The configuration is larger than the limit.
    TooLarge = "LB0401", Error;
    /// More policies, rules or values than the limit.
    TooMany = "LB0402", Error;
    /// Nested more deeply than the limit.
    TooDeep = "LB0403", Error;
    /// A packed configuration is larger than the limit, packed or unpacked.
    PackedTooLarge = "LB0404", Error;
    /// A test's decision is not the one expected.
    TestFailed = "LB0501", Error;
    /// A policy selects a waypoint by labels, which Istio does not look at there.
    WaypointBySelector = "LB0601", Error;
    /// One plugin would be attached to more than Istio takes.
    TooManyTargets = "LB0602", Error;
    /// A policy is attached to what Istio attaches nothing to.
    NeverAttached = "LB0603", Error;
    /// An API that this version of Istio does not have.
    NotInThisIstio = "LB0604", Error;
    /// A policy is for a waypoint, and its filter never runs there.
    NeverAtWaypoint = "LB0605", Error;
    /// A name that cannot be one of Istio's subsets.
    NoSubsetName = "LB0606", Error;
    /// An object that Kubernetes would not keep, though it is packed.
    ObjectTooLarge = "LB0607", Error;
    /// The rate-limit service is called by a name that no proxy knows.
    UnknownUpstream = "LB0608", Error;
    /// A plugin for one namespace that would apply to all.
    RootNamespace = "LB0609", Error;
    /// A module that cannot be named to Istio.
    NoModule = "LB0610", Error;
    /// A filter that is passed over where it breaks.
    FailsOpen = "LB0611", Warning;
    /// What a filter chooses, and no route can be written for.
    NoRoute = "LB0612", Warning;
    /// A waypoint cannot know what tells clusters apart.
    IssuerAtWaypoint = "LB0613", Warning;
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
