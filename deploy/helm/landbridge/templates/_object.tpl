{{/*
One rendered object under the release's settings: a dict of `object`, `part` and `root`.

What was rendered stays as it is wherever no value says otherwise.
*/}}
{{- define "landbridge.object" -}}
{{- $values := .root.Values -}}
{{- $object := deepCopy .object -}}
{{- $metadata := $object.metadata -}}
{{- $labels := merge (dict "app.kubernetes.io/managed-by" .root.Release.Service "app.kubernetes.io/part-of" "landbridge") $values.labels (default dict $metadata.labels) -}}
{{- $_ := set $metadata "labels" $labels -}}
{{- with merge (deepCopy $values.annotations) (default dict $metadata.annotations) -}}
{{- $_ := set $metadata "annotations" . -}}
{{- end -}}
{{- if has $object.kind (list "WasmPlugin" "TrafficExtension") -}}
{{- $module := ternary $object.spec $object.spec.wasm (eq $object.kind "WasmPlugin") -}}
{{- with $values.image.registry -}}
{{- $_ := set $module "url" (regexReplaceAll "^oci://.*/" $module.url (printf "oci://%s/" .)) -}}
{{- end -}}
{{- with $values.image.pullSecret -}}
{{- $_ := set $module "imagePullSecret" . -}}
{{- end -}}
{{- with get $values.failStrategy .part -}}
{{- $_ := set $module "failStrategy" . -}}
{{- end -}}
{{- end -}}
{{- toYaml $object -}}
{{- end -}}
