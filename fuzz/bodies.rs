//! What each fuzz target does with its bytes, and the laws that it asserts.
//!
//! The functions are here once and run twice: under libFuzzer by the programs in `targets/`
//! (`cargo xtask fuzz`), and over the inputs kept in `corpus/` by a plain `cargo test`
//! (`policies/engine/tests/fuzz_corpus.rs`), which needs no nightly compiler.
//!
//! A law is worth more than the absence of a panic: where two parts must agree, both are asked.

use landbridge_engine::policy_test::Nowhere;
use landbridge_engine::{SpiffeId, Surroundings, Unknown, load, load_after, normalize};
use landbridge_model::{
    Code, Content, Document, Documents, FilterKind, Limits, PathNormalization as Mode, RawConfig,
    render, render_for, render_for_test, validate, yaml,
};

mod decide;
mod failover;
mod identity;
mod packed;
mod shaping;

pub use decide::decide;
use decide::{Headers, Meaning, Request, judge};
pub use failover::failover;
pub use identity::{dn, xfcc};
pub use packed::packed;
pub use shaping::shaping;

/// Smaller than a filter's own, so that the limits are met.
const LIMITS: Limits = Limits {
    bytes: 1 << 16,
    packed: 1 << 15,
    policies: 64,
    rules: 256,
};

/// A filter's configuration: it is refused with reasons, or it decides.
pub fn config(bytes: &[u8]) {
    let loaded = match load(bytes, &LIMITS, &Nowhere) {
        Ok(loaded) => loaded,
        Err(found) => {
            assert!(!found.is_empty(), "refused without a reason");
            assert!(found.iter().all(|d| d.is_error()), "{found:#?}");
            let told: usize = found.iter().map(|d| d.to_string().len()).sum();
            assert!(told > 0);
            return;
        }
    };
    assert!(loaded.warnings.iter().all(|d| !d.is_error()));
    assert!(loaded.set.len() <= loaded.policies);
    // What a configuration means and what it is called do not change, read again or not.
    match load_after(bytes, &LIMITS, &Nowhere, &loaded.kept) {
        Ok(again) => {
            assert_eq!(again.digest, loaded.digest);
            assert_eq!(again.warnings, loaded.warnings);
            assert_eq!(again.set.plan(), loaded.set.plan());
        }
        Err(found) => panic!("loaded once, then refused: {found:#?}"),
    }
    for uri in [
        None,
        Some(&b"spiffe://use1-a.mesh.example/ns/shop/sa/frontend"[..]),
        Some(b"spiffe://a/b"),
    ] {
        let headers: Headers = vec![
            (":method".to_owned(), b"GET".to_vec()),
            (":authority".to_owned(), b"orders.shop:8080".to_vec()),
            (":path".to_owned(), b"/a/b?x=y".to_vec()),
            ("x-tenant".to_owned(), b"gold".to_vec()),
        ];
        judge(
            &Request {
                uri,
                issuer: Some(b"CN=a"),
                port: Some(8080),
                headers,
                ..Request::default()
            },
            &loaded.set,
            Meaning::Any,
        );
    }
}

/// YAML: what is read and valid is what a filter then reads of its rendering.
pub fn yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let documents = match yaml::read(text, Some("fuzz.yaml")) {
        Ok(documents) => documents,
        Err((documents, found)) => {
            assert!(!found.is_empty(), "refused without a reason");
            told(&found, text);
            // The rest is still checked.
            told(&validate::documents(&documents), text);
            return;
        }
    };
    let found = validate::documents(&documents);
    told(&found, text);
    if documents.meshes().next().is_none() {
        return; // nothing to configure a filter with
    }
    same_shaping(&documents);
    let is_test = |document: &&Document| matches!(document.content, Content::PolicyTest(_));
    let tests = documents.0.iter().filter(is_test);
    let configs = tests.map(|test| render_for_test(&documents, test));
    for config in configs.chain([render(&documents, None, None)]) {
        same(&config, &documents);
        if found.iter().any(|d| d.is_error()) {
            continue;
        }
        let loaded = load(
            config.as_bytes(),
            &Limits::default(),
            &Somewhere(&documents),
        );
        if let Err(found) = loaded {
            // A test's own labels and namespace may leave a selector open.
            let open = found.iter().all(|d| d.code == Code::UnknownLocal);
            assert!(open, "valid documents are refused: {config}\n{found:#?}");
        }
    }
}

/// A configuration that was rendered, split; its mesh is the one that was written.
fn split<'a>(config: &'a str, documents: &Documents) -> RawConfig<'a> {
    let raw = match RawConfig::read(config.as_bytes(), &Limits::default()) {
        Ok(raw) => raw,
        Err(found) => panic!("{config}\n{found:#?}"),
    };
    let mesh = documents.meshes().next().map(|mesh| &mesh.spec);
    assert_eq!(Some(&raw.head.mesh), mesh);
    raw
}

/// That the shaping filter reads of the rendered documents what their author wrote.
fn same_shaping(documents: &Documents) {
    let config = render_for(FilterKind::Shaping, documents, None, None);
    let raw = split(&config, documents);
    let mut written = documents.shapings();
    for (i, text) in raw.texts().enumerate() {
        match RawConfig::shaping(i, text) {
            Ok((read, _)) => {
                let written = written.next();
                assert_eq!(Some(&read.spec), written.map(|w| &w.spec));
                let name = written.map(|w| w.metadata.full_name());
                assert_eq!(Some(read.metadata.full_name()), name);
            }
            Err(found) => panic!("{config}\n{found:#?}"),
        }
    }
    assert!(written.next().is_none(), "{config}");
}

/// The same for the authorization filter.
fn same(config: &str, documents: &Documents) {
    let raw = split(config, documents);
    let mut written = documents.authorizations();
    for read in raw.documents() {
        match read.map(|document| document.content) {
            Ok(Content::Authorization(read)) => {
                let written = written.next();
                assert_eq!(Some(&read.spec), written.map(|w| &w.spec));
                let name = written.map(|w| w.metadata.full_name());
                assert_eq!(Some(read.metadata.full_name()), name);
            }
            other => panic!("{config}\n{other:#?}"),
        }
    }
    assert!(written.next().is_none(), "{config}");
}

/// That findings point into the text and can be shown.
fn told(found: &[landbridge_model::Diagnostic], text: &str) {
    let lines = text.split(['\n', '\r']).count();
    for diagnostic in found {
        assert!(!diagnostic.message.is_empty());
        assert!(!diagnostic.to_string().is_empty());
        if let Some(at) = diagnostic.position {
            let line = usize::try_from(at.line).unwrap_or(usize::MAX);
            assert!(line >= 1 && line <= lines, "{diagnostic}");
            assert!(at.column >= 1 && at.length >= 1, "{diagnostic}");
        }
    }
}

/// A proxy in the cluster `a`, of which nothing else is known.
struct Here;

impl Surroundings for Here {
    fn cluster(&self) -> Option<String> {
        Some("a".to_owned())
    }

    fn namespace(&self) -> Option<String> {
        None
    }

    fn label(&self, _: &str) -> Result<Option<String>, Unknown> {
        Err(Unknown)
    }
}

/// A proxy in the first cluster of the mesh.
struct Somewhere<'a>(&'a Documents);

impl Surroundings for Somewhere<'_> {
    fn cluster(&self) -> Option<String> {
        let mesh = self.0.meshes().next()?;
        mesh.spec
            .clusters
            .iter()
            .next()
            .map(|c| c.name.as_str().to_owned())
    }

    fn namespace(&self) -> Option<String> {
        Some("shop".to_owned())
    }

    fn label(&self, _: &str) -> Result<Option<String>, Unknown> {
        Ok(None)
    }
}

/// A `:path`: what is judged means one thing, in every mode.
pub fn path(bytes: &[u8]) {
    let modes = [
        Mode::None,
        Mode::Base,
        Mode::MergeSlashes,
        Mode::DecodeAndMergeSlashes,
    ];
    for mode in modes {
        let Ok(normal) = normalize(bytes, mode) else {
            continue;
        };
        let again = normalize(normal.as_bytes(), mode);
        assert_eq!(again.as_deref(), Ok(&*normal), "{mode:?} is not idempotent");
        if normal == "*" {
            continue;
        }
        assert!(normal.starts_with('/'), "{normal}");
        let ugly = |b: u8| b <= b' ' || b == 0x7f || b == b'#';
        assert!(!normal.bytes().any(ugly), "{normal:?}");
        let raw = String::from_utf8_lossy(bytes);
        let (path, query) = halves(&normal);
        assert_eq!(query, halves(&raw).1, "the query changed");
        if mode == Mode::None {
            assert_eq!(normal, raw);
            continue;
        }
        assert!(
            path.split('/').all(|s| s != "." && s != ".."),
            "{mode:?}: {path}"
        );
        assert!(path.is_ascii() && !path.contains('\\'), "{mode:?}: {path}");
        let escaped = path.to_ascii_uppercase();
        for escape in ["%00", "%2F", "%5C", "%2E", "%41", "%61", "%7E"] {
            assert!(!escaped.contains(escape), "{mode:?}: {path}");
        }
        if mode != Mode::Base {
            assert!(!path.contains("//"), "{mode:?}: {path}");
        }
    }
    // Merging changes only slashes; decoding changes only what the other modes refuse.
    let [_, base, merged, decoded] = modes.map(|mode| normalize(bytes, mode));
    assert_eq!(base.is_ok(), merged.is_ok());
    if let (Ok(base), Ok(merged)) = (&base, &merged) {
        let mut slashes_merged = String::new();
        for c in halves(base).0.chars() {
            if c != '/' || !slashes_merged.ends_with('/') {
                slashes_merged.push(c);
            }
        }
        assert_eq!(slashes_merged, halves(merged).0);
    }
    match (&merged, &decoded) {
        (Ok(merged), Ok(decoded)) => assert_eq!(merged, decoded),
        (Err(merged), Err(_)) => assert_eq!(base.as_ref().err(), Some(merged)),
        (Err(_), Ok(_)) => {
            let upper = bytes.to_ascii_uppercase();
            let slash = upper.windows(3).any(|w| w == b"%2F" || w == b"%5C");
            assert!(slash, "refused by one mode only");
        }
        (Ok(merged), Err(error)) => panic!("{merged} is refused when decoded: {error}"),
    }
}

fn halves(path: &str) -> (&str, Option<&str>) {
    match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    }
}

/// A SPIFFE ID: its parts are where it says, and together are all of it.
pub fn spiffe(bytes: &[u8]) {
    let Ok(uri) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some(id) = SpiffeId::parse(uri) else {
        return;
    };
    assert_eq!(uri, format!("spiffe://{}", id.principal));
    assert_eq!(SpiffeId::parse(uri), Some(id));
    assert!(uri.len() <= 2048);
    assert!(
        id.principal
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b)),
        "{uri}"
    );
    let mut segments = id.principal.split('/');
    assert_eq!(segments.next(), Some(id.trust_domain));
    assert_eq!(id.trust_domain, id.trust_domain.to_ascii_lowercase());
    assert!(id.principal.contains('/'), "an ID without a path: {uri}");
    for segment in id.principal.split('/') {
        assert!(!matches!(segment, "" | "." | ".."), "{uri}");
    }
    // Istio's form, and nothing that only resembles it.
    let parts: Vec<&str> = segments.collect();
    match parts.as_slice() {
        ["ns", namespace, "sa", name] => {
            assert_eq!(id.namespace(), Some(*namespace));
            assert_eq!(id.account(), Some(&*format!("{namespace}/sa/{name}")));
        }
        _ => assert_eq!((id.namespace(), id.account()), (None, None)),
    }
}
