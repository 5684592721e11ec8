#!/usr/bin/env bash
# Puts built images into the local cluster's container runtime:  load.sh NAME...
# The trainer's image holds 6 GB that seldom change, so nothing is moved that need not be: the first image goes through a pipe,
# without a file in between, and later ones bring only the layers that the runtime does not hold.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
alive containerd || die "the container runtime is not running: dev/cluster/runtime.sh"
content=$VALENCE_IMAGES/io.containerd.content.v1.content/blobs/sha256
import() { ctr images import --digests=false - >/dev/null; }

load() { # load NAME
  local name=$1 layers held=() layer
  mapfile -t layers < <(build inspect --type image --format '{{range .OCIv1.RootFS.DiffIDs}}{{println .}}{{end}}' "$name" | sed -n 's/^sha256://p')
  for layer in "${layers[@]}"; do [ ! -f "$content/$layer" ] || held+=("$layer"); done
  if [ ${#held[@]} = 0 ]; then
    build push --quiet "$name" "docker-archive:/dev/stdout:$name" | import
    return
  fi
  # An image layout in which the layers that the runtime holds are links to its own: buildah takes them as written, and the
  # archive leaves them out.
  layout=$(mktemp -d "$IMAGES_CACHE/layout.XXXXXX")
  trap 'rm -rf "$layout"' EXIT
  mkdir -p "$layout/blobs/sha256"
  for layer in "${held[@]}"; do
    ln "$content/$layer" "$layout/blobs/sha256/" 2>/dev/null || ln -s "$content/$layer" "$layout/blobs/sha256/"
  done
  build push --quiet "$name" "oci:$layout:$name"
  printf './blobs/sha256/%s\n' "${held[@]}" >"$layout/.held"
  tar -C "$layout" --exclude-from="$layout/.held" --exclude=./.held -cf - . | import
  rm -rf "$layout"
}

for name; do
  if is_loaded "$name"; then continue; fi
  has_image "$name" || die "$name is not built: dev/images/build.sh"
  say "loading $name"
  load "$name"
  mkdir -p "$LOADED"
  touch "$LOADED/${name##*/}"
  # Older builds of the same image would only take up disk; the kubelet's own names for them (by digest) go too.
  for old in $(ctr images ls -q | grep "^${name%:*}:" | grep -vxF "$name" || true); do
    digest=$(ctr images ls "name==$old" | awk 'NR == 2 { print $3 }')
    ctr images ls | awk -v digest="$digest" '$3 == digest { print $1 }' | xargs -r ctr images rm >/dev/null
    rm -f "$LOADED/${old##*/}"
  done
done
