//! Who signs a mesh's certificates.

use crate::{deploy, printed};
use std::path::Path;
use std::process::Command;

fn openssl(args: &[&str], folder: &Path) -> std::process::Output {
    let mut openssl = Command::new("openssl");
    openssl.args(args).current_dir(folder).output().unwrap()
}

#[test]
fn each_cluster_has_a_signer_that_can_make_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let make = || {
        let mut script = Command::new(deploy().join("ca.sh"));
        printed(script.arg(folder.path()).args(["use1-a", "euw1-a"]))
    };
    let said = make();
    let mesh = std::fs::read_to_string(deploy().join("policies/mesh.yaml")).unwrap();
    for cluster in ["use1-a", "euw1-a"] {
        let issuer = format!("L={cluster},CN=Intermediate CA,O=Istio");
        assert!(said.contains(&issuer), "{said}");
        assert!(mesh.contains(&format!("\"{issuer}\"")), "{cluster}");
        let signer = format!("{cluster}/ca-cert.pem");
        let verified = openssl(
            &["verify", "-CAfile", "root-cert.pem", &signer],
            folder.path(),
        );
        assert!(verified.status.success(), "{verified:?}");
    }

    // What use1-a's signer signs is good, unless it is a signer itself.
    let sign = |name: &str, extension: &str| {
        let at = folder.path();
        std::fs::write(at.join("extensions"), extension).unwrap();
        let key = format!("{name}.key");
        let request = format!("{name}.csr");
        let certificate = format!("{name}.pem");
        for args in [
            vec![
                "ecparam",
                "-name",
                "prime256v1",
                "-genkey",
                "-noout",
                "-out",
                &key,
            ],
            vec![
                "req",
                "-new",
                "-key",
                &key,
                "-out",
                &request,
                "-subj",
                "/L=euw1-a/CN=Intermediate CA/O=Istio",
            ],
            vec![
                "x509",
                "-req",
                "-in",
                &request,
                "-CA",
                "use1-a/ca-cert.pem",
                "-CAkey",
                "use1-a/ca-key.pem",
                "-CAcreateserial",
                "-days",
                "1",
                "-out",
                &certificate,
                "-extfile",
                "extensions",
            ],
        ] {
            let output = openssl(&args, at);
            assert!(output.status.success(), "{output:?}");
        }
    };
    sign("workload", "basicConstraints=critical,CA:FALSE\n");
    sign("imposter", "basicConstraints=critical,CA:TRUE\n");
    let chain = [
        "verify",
        "-CAfile",
        "root-cert.pem",
        "-untrusted",
        "use1-a/ca-cert.pem",
    ];
    let verified = openssl(&[&chain[..], &["workload.pem"]].concat(), folder.path());
    assert!(verified.status.success(), "{verified:?}");
    // OpenSSL holds a path to its length where an authority signs something more.
    std::fs::write(
        folder.path().join("extensions"),
        "basicConstraints=critical,CA:FALSE\n",
    )
    .unwrap();
    for args in [
        vec![
            "ecparam",
            "-name",
            "prime256v1",
            "-genkey",
            "-noout",
            "-out",
            "victim.key",
        ],
        vec![
            "req",
            "-new",
            "-key",
            "victim.key",
            "-out",
            "victim.csr",
            "-subj",
            "/CN=victim",
        ],
        vec![
            "x509",
            "-req",
            "-in",
            "victim.csr",
            "-CA",
            "imposter.pem",
            "-CAkey",
            "imposter.key",
            "-CAcreateserial",
            "-days",
            "1",
            "-out",
            "victim.pem",
            "-extfile",
            "extensions",
        ],
    ] {
        let output = openssl(&args, folder.path());
        assert!(output.status.success(), "{output:?}");
    }
    let chain = [&chain[..], &["-untrusted", "imposter.pem", "victim.pem"]].concat();
    let refused = openssl(&chain, folder.path());
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("path length"),
        "{why}"
    );

    // Run again, it changes nothing.
    let read = || std::fs::read(folder.path().join("use1-a/ca-cert.pem")).unwrap();
    let before = read();
    make();
    assert_eq!(before, read());
}
