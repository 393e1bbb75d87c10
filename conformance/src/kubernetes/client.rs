//! Asking the server, by the real kubectl.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::ApiServer;
use crate::tool;

/// What the server, or kubectl before it, had to say against something.
#[derive(Debug)]
pub struct Refused(pub String);

impl Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is said where objects are applied as the user guide says.
const STRICTLY: [&str; 5] = [
    "apply",
    "--server-side",
    "--validate=strict",
    "--field-manager=landbridge",
    "-f-",
];

impl ApiServer {
    /// kubectl, told of the server and nothing else.
    pub fn kubectl(&self) -> Command {
        kubectl(self.folder())
    }

    /// Runs kubectl, and gives what it printed.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn run(&self, args: &[&str]) -> Result<String, Refused> {
        finish(self.kubectl().args(args), "")
    }

    /// Runs kubectl with something to read.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn feed(&self, args: &[&str], input: &str) -> Result<String, Refused> {
        finish(self.kubectl().args(args), input)
    }

    /// Applies manifests, server-side and with strict field validation.
    ///
    /// # Errors
    ///
    /// One of them is refused.
    pub fn apply(&self, manifests: &str) -> Result<String, Refused> {
        self.feed(&STRICTLY, manifests)
    }

    /// What applying manifests would change; nothing, if it is empty.
    ///
    /// # Errors
    ///
    /// One of them is refused.
    pub fn diff(&self, manifests: &str) -> Result<String, Refused> {
        let args = ["diff", "--server-side", "--field-manager=landbridge", "-f-"];
        let output = pipe(self.kubectl().args(args), manifests);
        // That there is a difference is no failure, but is told by the exit code as well.
        match output.status.code() {
            Some(0 | 1) if output.stderr.is_empty() => Ok(text(&output.stdout)),
            _ => Err(Refused(text(&output.stderr))),
        }
    }

    /// Makes a namespace, if there is none.
    ///
    /// # Panics
    ///
    /// If there cannot be one of that name.
    pub fn namespace(&self, name: &str) {
        let manifest = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}");
        self.apply(&manifest).expect("a namespace can be made");
    }

    /// What the server has of an object: `kind` is its plural with its group, if others share it.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value, Refused> {
        let printed = self.run(&["get", kind, name, "-n", namespace, "-ojson"])?;
        Ok(serde_json::from_str(&printed).expect("kubectl prints JSON"))
    }
}

/// The objects of a YAML stream as JSON, by kubectl's own reading and without the server's.
///
/// # Panics
///
/// If it is no YAML, or holds something that is no object of Kubernetes.
pub fn objects(server: &ApiServer, manifests: &str) -> Vec<Value> {
    let args = [
        "create",
        "--dry-run=client",
        "--validate=false",
        "-ojson",
        "-f-",
    ];
    let printed = server
        .feed(&args, manifests)
        .expect("objects of Kubernetes");
    // One after the other, or a list of them.
    let mut objects = Vec::new();
    for value in serde_json::Deserializer::from_str(&printed).into_iter::<Value>() {
        let mut value = value.expect("kubectl prints JSON");
        match value.get_mut("items") {
            Some(Value::Array(items)) => objects.append(items),
            _ => objects.push(value),
        }
    }
    objects
}

pub(super) fn kubectl(folder: &Path) -> Command {
    let mut kubectl = tool("kubectl");
    kubectl
        .env("KUBECONFIG", folder.join("kubeconfig"))
        // What it remembers of servers is of this one.
        .env("HOME", folder)
        .stdin(Stdio::null());
    kubectl
}

/// Runs a command with something to read, and gives what it printed.
///
/// # Errors
///
/// It fails.
pub fn finish(command: &mut Command, input: &str) -> Result<String, Refused> {
    let output = pipe(command, input);
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(Refused(text(&output.stderr)))
    }
}

fn pipe(command: &mut Command, input: &str) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Who stops reading says why by how it ends.
            let _ = stdin.write_all(input.as_bytes());
        });
        child.wait_with_output().expect("it ends")
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
