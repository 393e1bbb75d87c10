//! Keys: those that `cosign generate-key-pair` makes, and plain ones (PKCS #8, SPKI), on P-256.
//!
//! Signing is deterministic (RFC 6979): no random number can be bad, and the same manifest has the
//! same signature.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey};
use serde::Deserialize;

use crate::{Error, Result};

/// How cosign calls its own format, now and formerly.
const ENCRYPTED: [&str; 2] = [
    "ENCRYPTED SIGSTORE PRIVATE KEY",
    "ENCRYPTED COSIGN PRIVATE KEY",
];
/// Where cosign, and therefore we, look for the password.
pub const PASSWORD: &str = "COSIGN_PASSWORD";
/// The binary logarithms of the costs that cosign's keys have had. Another would be somebody's who wants
/// to use up our memory.
const COSTS: [(u32, u8); 3] = [(1 << 15, 15), (1 << 16, 16), (1 << 17, 17)];

/// A key that signs.
pub struct PrivateKey(SigningKey);

/// A key that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PrivateKey {
    /// Reads a key file, asking for the password if it is encrypted.
    pub fn read(path: &Path, password: impl FnOnce() -> Option<String>) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
        Self::parse(&text, password).map_err(|why| {
            let error = Error::new(format!("`{}` {}", path.display(), why.0));
            match why.1 {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })
    }

    fn parse(
        text: &str,
        password: impl FnOnce() -> Option<String>,
    ) -> std::result::Result<Self, Why> {
        let block = pem::parse(text).map_err(|_| {
            Why(
                "is no key in PEM".to_owned(),
                Some("make one with `cosign generate-key-pair`"),
            )
        })?;
        let der = match block.tag() {
            tag if ENCRYPTED.contains(&tag) => {
                let password = password().ok_or_else(|| {
                    Why(
                        "is encrypted".to_owned(),
                        Some("put its password into COSIGN_PASSWORD"),
                    )
                })?;
                decrypt(block.contents(), password.as_bytes())?
            }
            "PRIVATE KEY" => block.into_contents(),
            other => {
                return Err(Why(
                    format!("holds `{other}`, and no private key that can be used"),
                    Some("a key is one that `cosign generate-key-pair` makes, or PKCS #8 in PEM"),
                ));
            }
        };
        let key = SigningKey::from_pkcs8_der(&der).map_err(|_| {
            Why(
                "is no key on the curve P-256".to_owned(),
                Some("make one with `cosign generate-key-pair`"),
            )
        })?;
        Ok(Self(key))
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// Signs the SHA-256 digest of some bytes.
    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(bytes);
        signature.to_der().as_bytes().to_vec()
    }
}

impl PublicKey {
    /// Reads a key file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
        Self::parse(&text).ok_or_else(|| {
            Error::new(format!(
                "`{}` is no public key on the curve P-256 in PEM",
                path.display()
            ))
            .hint("it is the `cosign.pub` that `cosign generate-key-pair` makes")
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let block = pem::parse(text).ok()?;
        if block.tag() != "PUBLIC KEY" {
            return None;
        }
        VerifyingKey::from_public_key_der(block.contents())
            .ok()
            .map(Self)
    }

    /// Whether a signature is of these bytes and by this key.
    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature)
            .is_ok_and(|signature| self.0.verify(bytes, &signature).is_ok())
    }
}

/// What is wrong with a key, and what helps.
#[derive(Debug)]
struct Why(String, Option<&'static str>);

/// Cosign's format, which is that of `go-securesystemslib`.
#[derive(Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u32,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

fn decrypt(contents: &[u8], password: &[u8]) -> std::result::Result<Vec<u8>, Why> {
    let damaged = || {
        Why(
            "is damaged, or encrypted in a way that is not known".to_owned(),
            None,
        )
    };
    let key: Encrypted = serde_json::from_slice(contents).map_err(|_| damaged())?;
    let known = key.kdf.name == "scrypt" && key.cipher.name == "nacl/secretbox";
    let Params { n, r, p } = key.kdf.params;
    let cost = COSTS.iter().find(|(cost, _)| *cost == n);
    let (true, Some((_, log_n)), (8, 1)) = (known, cost, (r, p)) else {
        return Err(damaged());
    };
    let bytes = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| damaged());
    let params = scrypt::Params::new(*log_n, r, p).map_err(|_| damaged())?;
    let mut secret = [0_u8; 32];
    scrypt::scrypt(password, &bytes(&key.kdf.salt)?, &params, &mut secret)
        .map_err(|_| damaged())?;
    let nonce: [u8; 24] = bytes(&key.cipher.nonce)?
        .try_into()
        .map_err(|_| damaged())?;
    XSalsa20Poly1305::new(&secret.into())
        .decrypt(&nonce.into(), bytes(&key.ciphertext)?.as_slice())
        .map_err(|_| {
            Why(
                "cannot be decrypted".to_owned(),
                Some("COSIGN_PASSWORD does not have its password"),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::pkcs8::{EncodePrivateKey, EncodePublicKey};

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_slice(&[byte; 32]).unwrap()
    }

    fn pem(tag: &str, contents: &[u8]) -> String {
        pem::encode(&pem::Pem::new(tag, contents))
    }

    const SALT: [u8; 32] = [7; 32];
    const NONCE: [u8; 24] = [9; 24];

    /// A key file as cosign writes it.
    fn file(n: u32, sealed: &[u8]) -> String {
        let json = serde_json::json!({
            "kdf": {
                "name": "scrypt",
                "params": {"N": n, "r": 8, "p": 1},
                "salt": BASE64_STANDARD.encode(SALT),
            },
            "cipher": {"name": "nacl/secretbox", "nonce": BASE64_STANDARD.encode(NONCE)},
            "ciphertext": BASE64_STANDARD.encode(sealed),
        });
        pem(ENCRYPTED[0], json.to_string().as_bytes())
    }

    /// One that is encrypted, at the least of cosign's costs.
    fn encrypted(key: &SigningKey, password: &str) -> String {
        let mut secret = [0_u8; 32];
        let params = scrypt::Params::new(15, 8, 1).unwrap();
        scrypt::scrypt(password.as_bytes(), &SALT, &params, &mut secret).unwrap();
        let der = key.to_pkcs8_der().unwrap();
        let sealed = XSalsa20Poly1305::new(&secret.into()).encrypt(&NONCE.into(), der.as_bytes());
        file(1 << 15, &sealed.unwrap())
    }

    fn parse(text: &str, password: Option<&str>) -> std::result::Result<PrivateKey, String> {
        PrivateKey::parse(text, || password.map(str::to_owned)).map_err(|why| why.0)
    }

    #[test]
    fn an_encrypted_key_opens_with_its_password_alone() {
        let text = encrypted(&key(1), "secret");
        let opened = parse(&text, Some("secret")).unwrap();
        assert_eq!(opened.public().0, *key(1).verifying_key());
        let failed = |password| parse(&text, password).map(drop).unwrap_err();
        assert_eq!(failed(Some("other")), "cannot be decrypted");
        assert_eq!(failed(None), "is encrypted");
    }

    #[test]
    fn a_cost_that_cosign_never_had_is_refused_unasked() {
        for n in [0, 1, 1 << 14, (1 << 15) + 1, 1 << 30] {
            let why = parse(&file(n, b"sealed"), Some("secret"))
                .map(drop)
                .unwrap_err();
            assert!(why.starts_with("is damaged"), "{n}: {why}");
        }
    }

    #[test]
    fn a_signature_is_the_same_each_time_and_of_those_bytes_by_that_key() {
        let (one, other) = (PrivateKey(key(1)), PrivateKey(key(2)));
        let signature = one.sign(b"statement");
        assert_eq!(signature, one.sign(b"statement"));
        assert!(one.public().verifies(b"statement", &signature));
        assert!(!one.public().verifies(b"statements", &signature));
        assert!(!other.public().verifies(b"statement", &signature));
        assert!(!one.public().verifies(b"statement", b""));
    }

    #[test]
    fn what_is_no_key_says_what_it_is() {
        let der = key(1).to_pkcs8_der().unwrap();
        assert!(parse(&pem("PRIVATE KEY", der.as_bytes()), None).is_ok());
        for (text, said) in [
            ("text".to_owned(), "is no key in PEM"),
            (pem("CERTIFICATE", b"x"), "holds `CERTIFICATE`"),
            (pem("PRIVATE KEY", b"x"), "is no key on the curve P-256"),
            (pem(ENCRYPTED[0], b"{}"), "is damaged"),
        ] {
            let why = parse(&text, Some("")).map(drop).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        let public = key(1).verifying_key().to_public_key_der().unwrap();
        assert!(PublicKey::parse(&pem("PUBLIC KEY", public.as_bytes())).is_some());
        assert!(PublicKey::parse(&pem("PUBLIC KEY", b"x")).is_none());
        assert!(PublicKey::parse(&pem("PRIVATE KEY", der.as_bytes())).is_none());
    }
}
