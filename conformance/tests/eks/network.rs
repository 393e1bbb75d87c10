//! The scripts that make things in AWS, against moto.

use crate::{deploy, printed};
use landbridge_conformance::tool;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A simulated AWS, with two clusters' VPCs in it.
struct Aws {
    server: Child,
    address: String,
    folder: TempDir,
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Aws {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = tool("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = format!("127.0.0.1:{port}");
        let aws = Self {
            server,
            address,
            folder: tempfile::tempdir().unwrap(),
        };
        let start = Instant::now();
        while std::net::TcpStream::connect(&aws.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "moto is not up");
            std::thread::sleep(Duration::from_millis(100));
        }
        aws
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env("AWS_ACCESS_KEY_ID", "none")
            .env("AWS_SECRET_ACCESS_KEY", "none")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "");
        command
    }

    fn aws(&self, words: &str) -> String {
        let program = tool("aws").get_program().to_owned();
        let mut aws = self.command(Path::new(&program));
        printed(aws.args(words.split_whitespace()))
            .trim()
            .to_owned()
    }

    /// What scripts find as `aws`: the real one, but for what moto does not tell of a cluster, its VPC
    /// and its security group.
    fn tell_of_clusters(&self, clusters: [(&str, &str, &str); 2]) {
        let mut script = String::from("#!/bin/sh\ncase \"$*\" in\n");
        for (name, vpc, group) in clusters {
            let asked = format!("\"eks describe-cluster --name {name} \"*");
            script += &format!("{asked}vpcId*) echo {vpc}; exit;;\n");
            script += &format!("{asked}clusterSecurityGroupId*) echo {group}; exit;;\n");
        }
        let real = tool("aws").get_program().to_string_lossy().into_owned();
        script += &format!("esac\nexec {real} \"$@\"\n");
        let path = self.folder.path().join("aws");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn two_vpcs_are_joined_and_joining_them_again_changes_nothing() {
    let aws = Aws::start();
    let cluster = |region: &str, block: &str| {
        let vpc = aws.aws(&format!(
            "ec2 create-vpc --region {region} --cidr-block {block} --query Vpc.VpcId --output text"
        ));
        let group = aws.aws(&format!(
            "ec2 create-security-group --region {region} --vpc-id {vpc} --group-name nodes \
             --description nodes --query GroupId --output text"
        ));
        (vpc, group)
    };
    let us = cluster("us-east-1", "10.10.0.0/16");
    let eu = cluster("eu-west-1", "10.20.0.0/16");
    aws.tell_of_clusters([("use1-a", &us.0, &us.1), ("euw1-a", &eu.0, &eu.1)]);
    let connect = || {
        let mut script = aws.command(&deploy().join("connect.sh"));
        printed(script.args(["use1-a", "us-east-1", "euw1-a", "eu-west-1"]))
    };
    let state = || {
        let at = |region: &str, vpc: &str, group: &str| {
            aws.aws(&format!(
                "ec2 describe-route-tables --region {region} --filters Name=vpc-id,Values={vpc} \
                 --query RouteTables[].Routes[].[DestinationCidrBlock,VpcPeeringConnectionId,State] \
                 --output text"
            )) + &aws.aws(&format!(
                "ec2 describe-security-groups --region {region} --group-ids {group} --query \
                 SecurityGroups[].IpPermissions[].[IpProtocol,FromPort,ToPort,IpRanges[0].CidrIp] \
                 --output text"
            ))
        };
        let peerings = aws.aws(
            "ec2 describe-vpc-peering-connections --region us-east-1 --query \
             VpcPeeringConnections[].[VpcPeeringConnectionId,Status.Code] --output text",
        );
        (
            at("us-east-1", &us.0, &us.1),
            at("eu-west-1", &eu.0, &eu.1),
            peerings,
        )
    };
    connect();
    let joined = state();
    let (in_us, in_eu, peerings) = &joined;
    let (peering, status) = peerings.split_once('\t').unwrap();
    assert_eq!(status, "active");
    for (there, other) in [(in_us, "10.20.0.0/16"), (in_eu, "10.10.0.0/16")] {
        assert!(
            there.contains(&format!("{other}\t{peering}\tactive")),
            "{there}"
        );
        assert!(
            there.contains(&format!("tcp\t0\t65535\t{other}")),
            "{there}"
        );
    }
    connect();
    assert_eq!(joined, state());
}

#[test]
fn repositories_are_made_once_with_tags_that_do_not_move() {
    let aws = Aws::start();
    let script = || {
        let mut script = aws.command(&deploy().join("registry.sh"));
        let program = tool("aws").get_program().to_owned();
        let folder = Path::new(&program).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        script.env("PATH", format!("{}:{path}", folder.display()));
        printed(script.args(["us-east-1", "eu-west-1"]))
    };
    let said = script();
    assert!(said.contains("push to "), "{said}");
    script();
    let there = aws.aws(
        "ecr describe-repositories --query \
         repositories[].[repositoryName,imageTagMutability] --output text",
    );
    let mut lines: Vec<&str> = there.lines().collect();
    lines.sort_unstable();
    let wanted = ["authz", "locality", "shaping"].map(|f| format!("landbridge/{f}\tIMMUTABLE"));
    assert_eq!(lines, wanted);
    let replicated = aws.aws(
        "ecr describe-registry --query \
         replicationConfiguration.rules[].destinations[].region --output text",
    );
    assert_eq!(replicated, "eu-west-1");
}

#[test]
fn replication_rules_of_others_are_not_replaced() {
    let aws = Aws::start();
    let theirs =
        r#"{"rules":[{"destinations":[{"region":"us-west-2","registryId":"123456789012"}]}]}"#;
    let program = tool("aws").get_program().to_owned();
    let mut put = aws.command(Path::new(&program));
    let words = [
        "ecr",
        "put-replication-configuration",
        "--replication-configuration",
        theirs,
    ];
    printed(put.args(words));
    let mut script = aws.command(&deploy().join("registry.sh"));
    let folder = Path::new(&program).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    script.env("PATH", format!("{}:{path}", folder.display()));
    let output = script.args(["us-east-1", "eu-west-1"]).output().unwrap();
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{why}");
    assert!(why.contains("other replication rules"), "{why}");
    let there = aws.aws(
        "ecr describe-registry --query \
         replicationConfiguration.rules[].destinations[].region --output text",
    );
    assert_eq!(there, "us-west-2");
}
