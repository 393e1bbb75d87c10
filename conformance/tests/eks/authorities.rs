//! Who signs a mesh's certificates.

use crate::{deploy, printed};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const LEAF: &str = "basicConstraints=critical,CA:FALSE\n";
const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\n";

/// A folder with certificates, each `NAME.pem`, and its key.
struct Folder<'a>(&'a Path);

impl Folder<'_> {
    fn openssl(&self, args: &str) -> Output {
        let mut openssl = Command::new("openssl");
        let args = args.split_whitespace();
        openssl.args(args).current_dir(self.0).output().unwrap()
    }

    /// Has an authority sign a new key.
    fn sign(&self, name: &str, subject: &str, extension: &str, (signer, key): (&str, &str)) {
        fs::write(self.0.join("extensions"), extension).unwrap();
        for args in [
            format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"),
            format!("req -new -key {name}.key -out {name}.csr -subj {subject}"),
            format!(
                "x509 -req -in {name}.csr -CA {signer} -CAkey {key} -CAcreateserial -days 1 \
                 -out {name}.pem -extfile extensions"
            ),
        ] {
            let output = self.openssl(&args);
            assert!(output.status.success(), "{args}: {output:?}");
        }
    }

    /// Whether the root vouches for a certificate, by way of these; and what was said.
    fn is_vouched_for(&self, name: &str, by: &[&str]) -> (bool, String) {
        let chain: String = by.iter().map(|by| format!(" -untrusted {by}")).collect();
        let output = self.openssl(&format!("verify -CAfile root-cert.pem{chain} {name}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    }
}

fn make(folder: &Path) -> String {
    let mut script = Command::new(deploy().join("ca.sh"));
    printed(script.arg(folder).args(["use1-a", "euw1-a"]))
}

#[test]
fn each_cluster_has_the_signer_that_the_mesh_knows_it_by() {
    let folder = tempfile::tempdir().unwrap();
    let said = make(folder.path());
    let mesh = fs::read_to_string(deploy().join("policies/mesh.yaml")).unwrap();
    for cluster in ["use1-a", "euw1-a"] {
        let issuer = format!("L={cluster},CN=Intermediate CA,O=Istio");
        assert!(said.contains(&issuer), "{said}");
        assert!(mesh.contains(&format!("\"{issuer}\"")), "{cluster}");
        let signer = format!("{cluster}/ca-cert.pem");
        let (is_good, why) = Folder(folder.path()).is_vouched_for(&signer, &[]);
        assert!(is_good, "{why}");
    }
    // Run again, it changes nothing.
    let read = || fs::read(folder.path().join("use1-a/ca-cert.pem")).unwrap();
    let before = read();
    make(folder.path());
    assert_eq!(before, read());
}

#[test]
fn a_clusters_signer_can_make_no_other_signer() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let folder = Folder(folder.path());
    let signer = ("use1-a/ca-cert.pem", "use1-a/ca-key.pem");
    folder.sign("workload", "/CN=workload", LEAF, signer);
    let (is_good, why) = folder.is_vouched_for("workload.pem", &[signer.0]);
    assert!(is_good, "{why}");

    // By the name of the other cluster's.
    folder.sign(
        "imposter",
        "/O=Istio/CN=Intermediate/L=euw1-a",
        AUTHORITY,
        signer,
    );
    folder.sign(
        "victim",
        "/CN=victim",
        LEAF,
        ("imposter.pem", "imposter.key"),
    );
    let (is_good, why) = folder.is_vouched_for("victim.pem", &[signer.0, "imposter.pem"]);
    assert!(!is_good && why.contains("path length"), "{why}");
}
