#!/usr/bin/env bash
# Makes the ECR repositories that the modules are pushed to, and has them copied to the other regions, so
# that no region needs another to start a pod. It can be run again.
#
#   ./registry.sh REGION OTHER-REGION...
set -euo pipefail
export AWS_PAGER=""

if [ $# -lt 1 ]; then
  echo "usage: $0 REGION [OTHER-REGION...], e.g. $0 us-east-1 eu-west-1" >&2
  exit 2
fi
region=$1
shift

for filter in authz locality shaping; do
  name=landbridge/$filter
  if ! aws ecr describe-repositories --region "$region" --repository-names "$name" >/dev/null 2>&1; then
    # A tag that cannot move: what was signed under it is what is fetched by it.
    aws ecr create-repository --region "$region" --repository-name "$name" \
      --image-tag-mutability IMMUTABLE --image-scanning-configuration scanOnPush=false >/dev/null
  fi
  echo "repository $name in $region"
done

account=$(aws sts get-caller-identity --query Account --output text)
if [ $# -gt 0 ]; then
  # The rules are the whole registry's, and are replaced whole: others' are not to be lost.
  rules=$(aws ecr describe-registry --region "$region" --output text \
    --query "replicationConfiguration.rules[?!(repositoryFilters[?filter=='landbridge/'])] | length(@)")
  if [ "$rules" != 0 ]; then
    echo "error: the registry of $region has other replication rules: add one for landbridge/ to them" >&2
    exit 1
  fi
  destinations=$(printf '{"region":"%s","registryId":"'"$account"'"},' "$@")
  aws ecr put-replication-configuration --region "$region" --replication-configuration \
    '{"rules":[{"destinations":['"${destinations%,}"'],"repositoryFilters":[{"filter":"landbridge/","filterType":"PREFIX_MATCH"}]}]}' \
    >/dev/null
  echo "replicated to $*"
fi
echo "push to $account.dkr.ecr.$region.amazonaws.com/landbridge"
