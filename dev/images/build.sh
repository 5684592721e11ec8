#!/usr/bin/env bash
# Builds images from their Dockerfiles with buildah, and prints their names:  build.sh operator|server|trainer...
# An image's tag is the hash of all that goes into it, so that an unchanged one is neither built nor loaded again, and a changed
# one is a changed pod. Needs base.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

# Steps of a build that reach a package registry trust what this machine trusts: behind a proxy that is more than what an image
# holds. The bundle is mounted for the time of the build, and these build arguments name it; nothing of it stays in the image.
ca=/run/build-ca.crt
options=(--isolation chroot --network host --layers)
for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt; do
  [ -f "$bundle" ] || continue
  options+=(--volume "$bundle:$ca:ro" --build-arg "NODE_EXTRA_CA_CERTS=$ca" --build-arg "SSL_CERT_FILE=$ca" --build-arg "PIP_CERT=$ca")
  break
done
# What this machine has once downloaded is not downloaded again.
npm_cache=$(npm config get cache)
uv_cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/uv}
mkdir -p "$npm_cache" "$uv_cache"
options+=(--volume "$npm_cache:/root/.npm" --volume "$uv_cache:/root/.cache/uv")

for image; do
  file=$(dockerfile "$image")
  name=$(image_name "$image")
  echo "$name"
  ! is_loaded "$name" && ! has_image "$name" || continue
  say "building $name"
  # The log tells why a build failed; a good one is nobody's reading.
  log=$IMAGES_CACHE/$image.log
  build bud "${options[@]}" --file "$file" --tag "$name" "$(context "$image")" >"$log" 2>&1 || {
    tail -40 "$log" >&2
    die "the image $image could not be built from $file (whole log: $log)"
  }
  # Older builds would only take up disk; the layers that the new one shares with them stay.
  for old in $(build images --format '{{.Name}}:{{.Tag}}' | grep "^${name%:*}:" | grep -vxF "$name" || true); do
    build rmi "$old" >/dev/null
  done
done
