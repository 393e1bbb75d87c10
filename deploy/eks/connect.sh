#!/usr/bin/env bash
# Joins the VPCs of two clusters by a peering connection, and lets their nodes and API servers hear each
# other. It can be run again: what is there is kept.
#
#   ./connect.sh CLUSTER REGION CLUSTER REGION
#
# Three clusters or more want a Transit Gateway in each region instead (README.md says when).
set -euo pipefail
export AWS_PAGER=""

if [ $# -ne 4 ]; then
  echo "usage: $0 CLUSTER REGION CLUSTER REGION, e.g. $0 use1-a us-east-1 euw1-a eu-west-1" >&2
  exit 2
fi
here=$1 here_region=$2 there=$3 there_region=$4

# One fact of a cluster: its VPC, or the security group that its nodes and its API server share.
of() { # CLUSTER REGION FACT
  aws eks describe-cluster --name "$1" --region "$2" \
    --query "cluster.resourcesVpcConfig.$3" --output text
}

here_vpc=$(of "$here" "$here_region" vpcId)
there_vpc=$(of "$there" "$there_region" vpcId)

block() { # VPC REGION
  aws ec2 describe-vpcs --vpc-ids "$1" --region "$2" --query 'Vpcs[0].CidrBlock' --output text
}
here_block=$(block "$here_vpc" "$here_region")
there_block=$(block "$there_vpc" "$there_region")
if [ "$here_block" = "$there_block" ]; then
  echo "error: both VPCs are $here_block: what is joined must not overlap" >&2
  exit 1
fi

peering=$(aws ec2 describe-vpc-peering-connections --region "$here_region" \
  --filters "Name=requester-vpc-info.vpc-id,Values=$here_vpc" \
            "Name=accepter-vpc-info.vpc-id,Values=$there_vpc" \
            "Name=status-code,Values=active,pending-acceptance" \
  --query 'VpcPeeringConnections[0].VpcPeeringConnectionId' --output text)
if [ "$peering" = None ]; then
  peering=$(aws ec2 create-vpc-peering-connection --region "$here_region" \
    --vpc-id "$here_vpc" --peer-vpc-id "$there_vpc" --peer-region "$there_region" \
    --query 'VpcPeeringConnection.VpcPeeringConnectionId' --output text)
fi
aws ec2 wait vpc-peering-connection-exists --vpc-peering-connection-ids "$peering" --region "$there_region"
status=$(aws ec2 describe-vpc-peering-connections --vpc-peering-connection-ids "$peering" \
  --region "$there_region" --query 'VpcPeeringConnections[0].Status.Code' --output text)
if [ "$status" != active ]; then
  aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id "$peering" \
    --region "$there_region" >/dev/null
fi
echo "peering $peering: $here_vpc ($here_block) and $there_vpc ($there_block)"

# Names of the other cluster's private API endpoint resolve to its private addresses.
for side in "$here_region Requester" "$there_region Accepter"; do
  read -r region role <<<"$side"
  aws ec2 modify-vpc-peering-connection-options --region "$region" \
    --vpc-peering-connection-id "$peering" \
    "--${role,,}-peering-connection-options" AllowDnsResolutionFromRemoteVpc=true >/dev/null ||
    echo "note: DNS across the peering is not on yet in $region; run this again when the peering is active" >&2
done

# Every route table of a VPC knows the way to the other: pods are on all subnets.
route() { # VPC REGION BLOCK
  local tables table
  tables=$(aws ec2 describe-route-tables --region "$2" --filters "Name=vpc-id,Values=$1" \
    --query 'RouteTables[].RouteTableId' --output text)
  for table in $tables; do
    aws ec2 create-route --region "$2" --route-table-id "$table" \
      --destination-cidr-block "$3" --vpc-peering-connection-id "$peering" >/dev/null 2>&1 ||
      aws ec2 replace-route --region "$2" --route-table-id "$table" \
        --destination-cidr-block "$3" --vpc-peering-connection-id "$peering" >/dev/null
    echo "route in $table ($2): $3 by $peering"
  done
}
route "$here_vpc" "$here_region" "$there_block"
route "$there_vpc" "$there_region" "$here_block"

# Security groups of another region cannot be named, so the other VPC's addresses are let in: everything a
# pod may serve on, and 443 of the API server, which the other istiod reads. What is let in here is still
# asked for its certificate by the sidecar.
allow() { # CLUSTER REGION BLOCK
  local group found
  group=$(of "$1" "$2" clusterSecurityGroupId)
  found=$(aws ec2 describe-security-groups --region "$2" --group-ids "$group" \
    --query "SecurityGroups[0].IpPermissions[?IpProtocol=='tcp' && FromPort==\`0\`].IpRanges[].CidrIp" \
    --output text)
  case " $found " in
  *"$3"*) ;;
  *)
    aws ec2 authorize-security-group-ingress --region "$2" --group-id "$group" \
      --ip-permissions "IpProtocol=tcp,FromPort=0,ToPort=65535,IpRanges=[{CidrIp=$3,Description=mesh}]" \
      >/dev/null
    ;;
  esac
  echo "security group $group ($2): TCP from $3"
}
allow "$here" "$here_region" "$there_block"
allow "$there" "$there_region" "$here_block"
