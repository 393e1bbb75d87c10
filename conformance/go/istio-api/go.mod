// Nothing is built of it: Istio's own definitions of its kinds are in there.
module landbridge.dev/conformance/istio-api

go 1.26.8

require istio.io/api v1.31.1
