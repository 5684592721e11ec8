# What every entry point needs first: the repository's root, its Node modules and, with them, Node 24. Sourced, never run.
set -euo pipefail
umask 022
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
export VALENCE_STATE_ROOT=${XDG_STATE_HOME:-$HOME/.local/state}/valence

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Node modules as package-lock.json has them. The hash tells whether they still are: npm's own check reads every package.
node_modules() {
  command -v npm >/dev/null || fail "npm is not installed: install Node.js 20 or later, any way you like"
  local want
  want=$(sha256sum package-lock.json | cut -d' ' -f1)
  # Two commands begun at once would install into each other's folder; where there is no flock (macOS), one at a time is up to the user.
  exec 9<"$ROOT"
  ! command -v flock >/dev/null || flock 9
  if [ "$(cat node_modules/.package-lock.sha256 2>/dev/null)" != "$want" ]; then
    local started=$SECONDS
    echo "installing Node modules" >&2
    # The CPU runtime is part of the package; its install script would fetch CUDA libraries.
    ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund --loglevel=error >&2
    echo "$want" >node_modules/.package-lock.sha256
    export VALENCE_NODE_MODULES_SECONDS=$((SECONDS - started))
  fi
  exec 9<&-
  PATH=$ROOT/node_modules/.bin:$PATH
  [[ $(node --version) = v2[4-9].* ]] || fail "node_modules/.bin/node is $(node --version), but Node 24 is needed: is this Linux on x64 or arm64 with glibc?"
}
