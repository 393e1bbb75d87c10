#!/usr/bin/env bash
# Makes what signs a mesh's certificates: one root, and an intermediate for each cluster, as Istio's secret
# `cacerts` wants them.
#
#   ./ca.sh FOLDER CLUSTER...
#
# All clusters share a trust domain, so the issuer is what tells them apart: each intermediate has the
# cluster's name in it (`L=`), and `pathlen:0`, so that it signs workloads and no further authority, which
# could take another's name. The root's key signs new clusters: keep it offline. An intermediate and a root
# that are there are kept.
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: $0 FOLDER CLUSTER..., e.g. $0 ca use1-a euw1-a" >&2
  exit 2
fi
folder=$1
shift
umask 077
mkdir -p "$folder"
root=$folder/root

if [ ! -e "$root-key.pem" ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out "$root-key.pem"
  openssl req -x509 -new -sha256 -days 3650 -key "$root-key.pem" -out "$root-cert.pem" \
    -subj "/O=Istio/CN=Root CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:1" \
    -addext "keyUsage=critical,keyCertSign,cRLSign"
fi

for cluster in "$@"; do
  case $cluster in
  *[!a-z0-9-]* | "")
    echo "error: \`$cluster\` is no name of a cluster: letters, digits and dashes" >&2
    exit 1
    ;;
  esac
  there=$folder/$cluster
  if [ -e "$there/ca-cert.pem" ]; then
    continue
  fi
  mkdir -p "$there"
  openssl ecparam -name prime256v1 -genkey -noout -out "$there/ca-key.pem"
  openssl req -new -sha256 -key "$there/ca-key.pem" -out "$there/request.pem" \
    -subj "/O=Istio/CN=Intermediate CA/L=$cluster"
  openssl x509 -req -sha256 -days 730 -in "$there/request.pem" \
    -CA "$root-cert.pem" -CAkey "$root-key.pem" -CAcreateserial -out "$there/ca-cert.pem" \
    -extfile <(printf '%s\n' \
      "basicConstraints=critical,CA:TRUE,pathlen:0" \
      "keyUsage=critical,digitalSignature,keyCertSign,cRLSign" \
      "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid") 2>/dev/null
  rm "$there/request.pem"
  cp "$root-cert.pem" "$there/root-cert.pem"
  cat "$there/ca-cert.pem" "$root-cert.pem" >"$there/cert-chain.pem"
done

for cluster in "$@"; do
  issuer=$(openssl x509 -in "$folder/$cluster/ca-cert.pem" -noout -subject -nameopt RFC2253)
  echo "$cluster: ${issuer#subject=}"
  echo "  kubectl --context $cluster create namespace istio-system"
  echo "  kubectl --context $cluster -n istio-system create secret generic cacerts --from-file=$folder/$cluster"
done
