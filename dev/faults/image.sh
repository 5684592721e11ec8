#!/usr/bin/env bash
# Builds the server's image with faults to ask for, puts it into the cluster, and prints its name:  image.sh SERVER_IMAGE
. "$(dirname "${BASH_SOURCE[0]}")/../images/lib.sh"
here=$REPOSITORY/dev/faults
base=$1
name=localhost/valence-faulty:$( (echo "$base"; cat "$here/Dockerfile" "$here/inject.mjs") | sha256sum | cut -c1-12)
if has_image "$base"; then
  has_image "$name" || build bud --isolation chroot --build-arg "BASE=$base" --tag "$name" "$here" >&2
  "$REPOSITORY/dev/images/load.sh" "$name" >&2
else
  docker build --build-arg "BASE=$base" --tag "$name" "$here" >&2
  kind load docker-image --name valence "$name" >&2
fi
echo "$name"
