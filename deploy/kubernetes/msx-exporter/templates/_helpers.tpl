{{- define "msx.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 32 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 32 characters: with a dash and a master's name (30) it is still the name of a Service. */}}
{{- define "msx.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 32 | trimSuffix "-" -}}
{{- end -}}

{{/* In the repository two folders of the chart are symbolic links, which a checkout on Windows may leave as text. */}}
{{- define "msx.unlinked" -}}
{{- fail (printf "%s holds nothing: it is a symbolic link in the repository, and this copy of the chart did not keep it; use the packed chart, or check out with git config core.symlinks true" .) -}}
{{- end -}}

{{- define "msx.selector" -}}
app.kubernetes.io/name: {{ include "msx.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* All exporters of the release, and no test. */}}
{{- define "msx.exporterSelector" -}}
{{ include "msx.selector" . }}
app.kubernetes.io/component: exporter
{{- end -}}

{{- define "msx.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "msx.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "msx.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "msx.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "msx.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The prefix of the routes, without a slash at its end. */}}
{{- define "msx.prefix" -}}
{{- $path := .Values.web.routePrefix -}}
{{- if and (not $path) .Values.web.externalUrl -}}
{{- $path = (urlParse .Values.web.externalUrl).path -}}
{{- end -}}
{{- trimSuffix "/" $path -}}
{{- end -}}

{{/*
What holds for one master, as JSON: its own values laid over those for all.
Takes a dict of root (the context) and master (one of the list); fails where two values contradict each other.
*/}}
{{- define "msx.master" -}}
{{- $v := .root.Values -}}
{{- $m := .master -}}
{{- $login := mergeOverwrite (deepCopy $v.login) (deepCopy (default dict $m.login)) -}}
{{- $own := default dict $m.login -}}
{{- if $own.existingSecret -}}{{- $_ := set $login "password" "" -}}{{- end -}}
{{- if $own.password -}}{{- $_ := set $login "existingSecret" "" -}}{{- end -}}
{{- if and $own.existingSecret $own.password -}}
{{- fail (printf "master %s: login.existingSecret and login.password contradict each other; keep one" $m.name) -}}
{{- end -}}
{{- if and $login.existingSecret $login.password -}}
{{- fail (printf "master %s: login.existingSecret and login.password contradict each other; keep one" $m.name) -}}
{{- end -}}
{{- if not (or $login.existingSecret $login.password) -}}
{{- fail (printf "master %s has no password: name a Secret in login.existingSecret, or set login.password" $m.name) -}}
{{- end -}}
{{- $ca := $v.ca -}}
{{- with $m.ca -}}{{- $ca = mergeOverwrite (dict "secret" "" "configMap" "" "key" "ca.crt") (deepCopy .) -}}{{- end -}}
{{- if and $ca.secret $ca.configMap -}}
{{- fail (printf "master %s: ca.secret and ca.configMap contradict each other; keep one" $m.name) -}}
{{- end -}}
{{- $config := mergeOverwrite (deepCopy $v.config) (deepCopy (default dict $m.config)) -}}
{{- $set := dict "address" $m.address "user" $login.user "password_file" "/run/secrets/msx_exporter/login/password" -}}
{{- if or $ca.secret $ca.configMap -}}
{{- $_ := set $set "ca_file" "/run/secrets/msx_exporter/ca/ca.crt" -}}
{{- end -}}
{{- $_ := set $config "master" (mergeOverwrite (default dict $config.master) $set) -}}
{{- $full := printf "%s-%s" (include "msx.fullname" .root) $m.name -}}
{{- dict "name" $m.name "fullname" $full "login" $login "ca" $ca "config" $config
    "secret" ($login.existingSecret | default $full)
    "resources" ($m.resources | default $v.resources)
    "networkPolicy" ($m.networkPolicy | default dict) | toJson -}}
{{- end -}}

{{/* Labels by which one master's pods are found; the exporter's and the test's. Takes root and name. */}}
{{- define "msx.masterSelector" -}}
{{ include "msx.selector" .root }}
msx-exporter/master: {{ .name }}
{{- end -}}

{{/* What the pods of the exporters and of the tests have in common. */}}
{{- define "msx.pod" -}}
{{- range $field := list "imagePullSecrets" "hostAliases" "dnsPolicy" "dnsConfig" "nodeSelector" "tolerations" }}
{{- with index $.Values $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
serviceAccountName: {{ include "msx.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{- define "msx.environment" -}}
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What a pod of one master mounts. Takes root and m (from msx.master). */}}
{{- define "msx.volumes" -}}
- name: config
  configMap:
    name: {{ .m.fullname }}
- name: login
  secret:
    secretName: {{ .m.secret }}
    defaultMode: 0440
    items:
      - key: {{ ternary .m.login.key "password" (not (empty .m.login.existingSecret)) }}
        path: password
{{- if or .m.ca.secret .m.ca.configMap }}
- name: ca
  {{- if .m.ca.secret }}
  secret:
    secretName: {{ .m.ca.secret }}
    defaultMode: 0440
  {{- else }}
  configMap:
    name: {{ .m.ca.configMap }}
  {{- end }}
    items:
      - key: {{ .m.ca.key }}
        path: ca.crt
{{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "msx.mounts" -}}
- name: config
  mountPath: /etc/msx_exporter
  readOnly: true
- name: login
  mountPath: /run/secrets/msx_exporter/login
  readOnly: true
{{- if or .m.ca.secret .m.ca.configMap }}
- name: ca
  mountPath: /run/secrets/msx_exporter/ca
  readOnly: true
{{- end }}
{{- with .root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* How the kubelet asks. Takes root and path. */}}
{{- define "msx.probe" -}}
{{- $web := .root.Values.web -}}
{{- if $web.authenticated -}}
tcpSocket:
  port: web
{{- else -}}
httpGet:
  path: {{ include "msx.prefix" .root }}{{ .path }}
  port: web
  scheme: {{ upper $web.scheme }}
{{- end -}}
{{- end -}}

{{/* What ServiceMonitor and ScrapeConfig call by the same names. Takes the values serviceMonitor. */}}
{{- define "msx.scrape" -}}
scrapeTimeout: {{ .scrapeTimeout }}
{{- range $field := list "tlsConfig" "basicAuth" "metricRelabelings" }}
{{- with index $ $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
