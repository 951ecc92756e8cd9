{{/*
The annotations of a service's pods. What makes new pods: a change of the settings, and a document that comes or goes.
Changes of a document apply without new pods.
*/}}
{{- define "annotations" -}}
{{- $own := dict -}}
{{- with dig .service dict .values.settings }}{{ $_ := set $own "checksum/settings" (toJson . | sha256sum) }}{{ end -}}
{{- if .document }}{{ $_ := set $own "machine-learning-deployment/document" "given" }}{{ end -}}
{{- merge $own .given | toYaml -}}
{{- end -}}
