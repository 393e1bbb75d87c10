module landbridge.dev/conformance/eksctl

go 1.26.8

require github.com/weaveworks/eksctl v0.215.0
