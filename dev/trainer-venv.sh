#!/usr/bin/env bash
# Makes the virtual environment of the trainer's tests, and prints its folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec dev/python-venv.sh trainer/requirements-dev.lock
