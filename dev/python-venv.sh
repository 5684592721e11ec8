#!/usr/bin/env bash
# Makes the virtual environment of a lock with hashes, once for each content of it, and prints its folder:  python-venv.sh LOCK
# uv links the packages from its cache, so PyTorch's 5 GB are on the disk once, however many environments there are.
set -euo pipefail
lock=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/valence
venv=$cache/venv-$(sha256sum "$lock" | cut -c1-12)
if [ ! -e "$venv/.complete" ]; then
  mkdir -p "$cache"
  rm -rf "$venv"
  # An environment of another lock may be in use right now, by another checkout: only what was not used for two weeks goes.
  find "$cache" -mindepth 2 -maxdepth 2 -path "$cache/venv-*/.complete" -mtime +14 | while IFS= read -r unused; do
    rm -rf "$(dirname "$unused")"
  done
  uv=$(dev/tools/wheel.sh dev/tools/uv.txt)
  uv=$(echo "$uv"/*.data/scripts/uv)
  export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
  "$uv" venv --quiet --python '>=3.11' "$venv" >&2
  "$uv" pip install --quiet --python "$venv/bin/python" --require-hashes --requirement "$lock" >&2
fi
touch "$venv/.complete" # made, and when it was last used
echo "$venv"
