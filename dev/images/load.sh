#!/usr/bin/env bash
# Puts built images into the local cluster's container runtime:  load.sh NAME...
# It streams from buildah's storage, because a file in between would be one more copy of the trainer's 6 GB.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
alive containerd || die "the container runtime is not running: dev/cluster/runtime.sh"
for name; do
  if is_loaded "$name"; then continue; fi
  has_image "$name" || die "$name is not built: dev/images/build.sh"
  say "loading $name"
  build push --quiet "$name" "docker-archive:/dev/stdout:$name" | ctr images import --digests=false - >/dev/null
  mkdir -p "$LOADED"
  touch "$LOADED/${name##*/}"
  # Older builds of the same image would only take up disk.
  for old in $(ctr images ls -q | grep "^${name%:*}:" | grep -vxF "$name" || true); do
    ctr images rm "$old" >/dev/null
    rm -f "$LOADED/${old##*/}"
  done
done
