{{- define "valence.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of everything in the release: at most 49 characters, so that suffixes still fit a Service's 63. */}}
{{- define "valence.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 49 | trimSuffix "-" -}}
{{- else if contains (include "valence.name" .) .Release.Name -}}
{{- .Release.Name | trunc 49 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "valence.name" .) | trunc 49 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Cluster-scoped names carry the namespace: two releases of one name may live in two namespaces. */}}
{{- define "valence.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "valence.fullname" .) -}}
{{- end -}}

{{- define "valence.selectorLabels" -}}
app.kubernetes.io/name: {{ include "valence.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "valence.labels" -}}
{{ include "valence.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: valence
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "valence.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "valence.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* include "valence.image" (list $ "server") -> [registry/]repository(@digest|:tag) */}}
{{- define "valence.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- with $root.Values.images.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
:{{ default $root.Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{- define "valence.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "valence.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/*
What the operator may do where it watches, and the calls that need it. get, beside list and watch, is for looking before a delete
and at a name that is taken. Written once: claims, Jobs and ModelVersions. Gone with their owner: claims and ConfigMaps. Server-side
apply needs create and patch. No Secrets: a trainer pod references its own, and the operator learns from the pod's waiting reason
if one is missing. finalizers/update lets it set blockOwnerDeletion where the OwnerReferencesPermissionEnforcement admission
plugin runs (OpenShift has it on).
*/}}
{{- define "valence.rules" -}}
- apiGroups: [valence.dev]
  resources: [sentimentmodels]
  verbs: [get, list, watch]
- apiGroups: [valence.dev]
  resources: [modelversions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [valence.dev]
  resources: [sentimentmodels/status, modelversions/status]
  verbs: [patch]
- apiGroups: [valence.dev]
  resources: [sentimentmodels/finalizers, modelversions/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create]
# Not watched, because the cluster may have none.
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: [get, create, patch, delete]
# Why a pod waits or failed: its state, its last log line, and the events of those who could not create or place it (quota).
- apiGroups: ['']
  resources: [pods]
  # patch: an annotation makes the kubelet take up a new routing file at once.
  verbs: [list, watch, patch]
- apiGroups: ['']
  resources: [pods/log]
  verbs: [get]
- apiGroups: ['']
  resources: [events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
