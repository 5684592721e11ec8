#!/usr/bin/env bash
# Builds images with Docker, loads them into the kind cluster, and prints their names:  kind.sh operator|server|trainer...
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"
for image; do
  name=$(image_name "$image")
  echo "$name"
  docker image inspect "$name" >/dev/null 2>&1 || docker build --file "$(dockerfile "$image")" --tag "$name" "$(context "$image")" >&2
  kind load docker-image --name valence "$name" >&2
done
