#!/usr/bin/env bash
# Makes sure that N volumes (default 6) are free for claims of the cluster's default StorageClass:  volumes.sh [N]
# They are PersistentVolumes of type `local`, folders on this machine: unlike `hostPath`, the kubelet gives them to the pod's
# fsGroup, so a pod that does not run as root can write. A volume whose claim was deleted is emptied and offered again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
alive kube-apiserver || die "the cluster is not running: up.sh"
wanted=${1:-6}
folder=$VALENCE_RUN/volumes
mkdir -p "$folder"
volumes() { kubectl get persistentvolumes -l valence.dev/local-volume -o jsonpath='{range .items[*]}{.metadata.name} {.status.phase}{"\n"}{end}'; }

while read -r name phase; do
  [ "$phase" = Released ] || [ "$phase" = Failed ] || continue
  kubectl delete persistentvolume "$name" --wait --timeout=30s >/dev/null
  rm -rf "${folder:?}/$name"
done < <(volumes)
free=$(volumes | awk '$2 == "Available" || $2 == "Pending" || $2 == ""' | wc -l)
next=$(volumes | sed -n 's/^local-\([0-9]*\) .*/\1/p' | sort -n | tail -1)
next=$((${next:--1} + 1))
for ((i = next; i < next + wanted - free; i++)); do
  mkdir -p "$folder/local-$i"
  cat <<Y
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: local-$i, labels: {valence.dev/local-volume: ""}}
spec:
  capacity: {storage: 20Gi}
  accessModes: [ReadWriteOnce, ReadWriteMany, ReadOnlyMany]
  storageClassName: local
  persistentVolumeReclaimPolicy: Retain
  local: {path: "$folder/local-$i"}
  nodeAffinity:
    required:
      nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: ["$VALENCE_NODE"]}]}]
Y
done >"$VALENCE_RUN/volumes.yaml"
[ ! -s "$VALENCE_RUN/volumes.yaml" ] || kubectl apply --server-side -f "$VALENCE_RUN/volumes.yaml" >/dev/null
