#!/usr/bin/env bash
# Makes the virtual environment of the trainer's tests, once for each content of the lock, and prints its folder.
# uv links the packages from its cache, so PyTorch's 5 GB are on the disk once, however many environments there are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
lock=trainer/requirements-dev.lock
cache=${XDG_CACHE_HOME:-$HOME/.cache}/valence
venv=$cache/venv-$(sha256sum "$lock" | cut -c1-12)
if [ ! -e "$venv/.complete" ]; then
  rm -rf "$venv"
  # An older lock's environment is of no use any more.
  rm -rf "$cache"/venv-*
  mkdir -p "$cache"
  uv=$(dev/tools/wheel.sh dev/tools/uv.txt)
  uv=$(echo "$uv"/*.data/scripts/uv)
  export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
  "$uv" venv --quiet --python '>=3.11' "$venv" >&2
  "$uv" pip install --quiet --python "$venv/bin/python" --require-hashes --requirement "$lock" >&2
  touch "$venv/.complete"
fi
echo "$venv"
