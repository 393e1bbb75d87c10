//! Tokens, and the filter that believes them.
//!
//! The tokens are real ones (ES256), and Envoy's own JWT filter verifies them, in the shape that
//! istiod gives it for a `RequestAuthentication`: a request without a token passes, one with a bad
//! token does not, and what a good one says is the metadata `payload` of
//! `envoy.filters.http.jwt_authn`, which policies read.
//!
//! One provider stands for all issuers, and takes any: who issued a token is for the policies to
//! judge, and so a test may have as many issuers as it likes.
//!
//! ```no_run
//! # fn story() -> Result<(), landbridge_testbed::Error> {
//! use landbridge_testbed::{Call, Filter, Mesh, jwt::KeySet};
//! use serde_json::json;
//!
//! let keys = KeySet::new()?;
//! let token = keys.mint(&json!({"iss": "https://issuer.example", "sub": "alice"}));
//! let mesh = Mesh::builder("story").filters([Filter::jwt(&keys), Filter::wasm("authz")?]);
//! let call = Call::get("/orders").header("authorization", format!("Bearer {token}"));
//! # Ok(())
//! # }
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::Error;

const PROVIDER: &str = "issuers";
const KEY_ID: &str = "testbed";

/// A key that signs tokens, and whoever has the public half can check them.
pub struct KeySet {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").finish_non_exhaustive()
    }
}

impl KeySet {
    /// Makes a key.
    pub fn new() -> Result<Self, Error> {
        let random = SystemRandom::new();
        let failed = |error: &dyn fmt::Display| Error::TokenKey(error.to_string());
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|e| failed(&e))?;
        let key =
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).map_err(|e| failed(&e))?;
        Ok(Self { key, random })
    }

    /// A token that says what `claims` says; of itself it adds nothing, no expiry either.
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers.
    pub fn mint(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": KEY_ID, "typ": "JWT"});
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self
            .key
            .sign(&self.random, signed.as_bytes())
            .expect("the system has random numbers");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public half, as a JSON Web Key Set.
    pub fn jwks(&self) -> Value {
        // SEC 1: a byte that says `uncompressed`, then both coordinates.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let text = |coordinate: &[u8]| URL_SAFE_NO_PAD.encode(coordinate);
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID,
            "x": text(x), "y": text(y),
        }]})
    }

    /// Envoy's JWT filter, as it stands in `http_filters`.
    pub fn filter(&self) -> Value {
        json!({
            "name": "envoy.filters.http.jwt_authn",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
                "providers": {PROVIDER: {
                    "local_jwks": {"inline_string": self.jwks().to_string()},
                    "payload_in_metadata": "payload",
                    "normalize_payload_in_metadata": {
                        "space_delimited_claims": ["scope", "permission"],
                    },
                    "forward": true,
                    // A test sends few tokens, often.
                    "jwt_cache_config": {"jwt_cache_size": 1000},
                }},
                "rules": [{
                    "match": {"prefix": "/"},
                    "requires": {"requires_any": {"requirements": [
                        {"provider_name": PROVIDER},
                        {"allow_missing": {}},
                    ]}},
                }],
                "bypass_cors_preflight": true,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn a_token_is_signed_by_the_key_that_the_set_shows() {
        let keys = KeySet::new().unwrap();
        let claims = json!({"iss": "https://issuer.example", "groups": ["a", "b"]});
        let token = keys.mint(&claims);
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = &keys.jwks()["keys"][0];
        let coordinate = |name: &str| decode(key[name].as_str().unwrap());
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &decode(signature))
            .unwrap();
        let (_, payload) = signed.split_once('.').unwrap();
        let payload: Value = serde_json::from_slice(&decode(payload)).unwrap();
        assert_eq!(payload, claims);
    }
}
