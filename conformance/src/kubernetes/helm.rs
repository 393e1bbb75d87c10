//! The real Helm, at the server.

use std::process::{Command, Stdio};

use super::client::{Refused, finish};
use super::{ApiServer, objects};
use crate::tool;
use landbridge_testbed::workspace;
use serde_json::Value;

impl ApiServer {
    /// Helm, told of the server and nothing else.
    pub fn helm(&self) -> Command {
        let mut helm = tool("helm");
        helm.env("KUBECONFIG", self.kubeconfig())
            .env("HELM_CONFIG_HOME", self.folder().join("helm/config"))
            .env("HELM_DATA_HOME", self.folder().join("helm/data"))
            .env("HELM_CACHE_HOME", self.folder().join("helm/cache"))
            .current_dir(workspace())
            .stdin(Stdio::null());
        helm
    }

    /// Runs Helm with values to read where an argument is `-f-`, and gives what it printed.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn chart(&self, args: &[&str], values: &str) -> Result<String, Refused> {
        finish(self.helm().args(args), values)
    }

    /// The objects that Helm makes of the chart under these values.
    ///
    /// # Errors
    ///
    /// The chart refuses the values.
    pub fn template(&self, args: &[&str], values: &str) -> Result<Vec<Value>, Refused> {
        let all = [&["template", "landbridge", "deploy/helm/landbridge"], args].concat();
        let printed = self.chart(&all, values)?;
        Ok(objects(self, &printed))
    }
}
