# Settings of the image scripts; sourced, never run.
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"
REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
IMAGES_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/valence/images # buildah's storage: layers of images, kept between builds
LOADED=$VALENCE_IMAGES/loaded                               # one empty file for each image that containerd holds

# An own storage, so that `npm run down -- --purge` removes what these scripts made and nothing else.
build() { buildah --root "$IMAGES_CACHE/storage" --runroot "$IMAGES_CACHE/run" --storage-driver overlay "$@"; }
has_image() { build inspect --type image "$1" >/dev/null 2>&1; }
is_loaded() { [ -e "$LOADED/${1##*/}" ]; }

dockerfile() {
  case $1 in
    operator | server) echo "Dockerfile.$1" ;;
    trainer) echo trainer/Dockerfile ;;
    *) die "there is no image '$1'; there are: operator, server, trainer" ;;
  esac
}
context() { if [ "$1" = trainer ]; then echo trainer; else echo .; fi; }

# The files of the context that a Dockerfile copies into the image. Tests are not part of an image.
inputs() {
  local sources source
  mapfile -t sources < <(awk '$1 == "COPY" && !/--from=/ { for (i = 2; i < NF; i++) if ($i !~ /^--/) print $i }' "$REPOSITORY/$(dockerfile "$1")")
  for source in "${sources[@]}"; do
    git -C "$REPOSITORY/$(context "$1")" ls-files --full-name --cached --others --exclude-standard -- "$source"
  done | grep -vE '[.]test[.]ts$|/tests?/' | sort -u
}

# image_name IMAGE: its name, tagged with the hash of the Dockerfile, its inputs and the base images.
image_name() {
  local hash
  hash=$(
    cd "$REPOSITORY"
    {
      cat dev/images/base.sh "$(dockerfile "$1")"
      [ ! -f "$(context "$1")/.dockerignore" ] || cat "$(context "$1")/.dockerignore"
      inputs "$1" | while IFS= read -r file; do [ ! -f "$file" ] || sha256sum "$file"; done
    } | sha256sum | cut -c1-12
  )
  echo "localhost/valence-$1:$hash"
}
