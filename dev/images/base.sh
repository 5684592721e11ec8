#!/usr/bin/env bash
# Makes stand-ins for the base images of the Dockerfiles, debian:bookworm-slim and node:24-bookworm-slim, from Debian's own
# packages and the npm packages of Node and npm: no image registry is needed. A second run does nothing.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
debian=docker.io/library/debian:bookworm-slim
node=docker.io/library/node:24-bookworm-slim
npm_version=11.6.2
npm_sha512=ee22b335fcbc95662cdf3ab8a053daf045d9cf9c6df6040d28965abb707512b2c16fa6c5eec049d34c74f78f390cebd14f697919eadb97756564d4f9eccc4954

mkdir -p "$IMAGES_CACHE"
tmp=$(mktemp -d)
container=
cleanup() {
  rm -rf "$tmp"
  [ -z "$container" ] || build rm "$container" >/dev/null
}
trap cleanup EXIT

if ! has_image "$debian"; then
  say "base image debian:bookworm-slim (about 30 s)"
  container=$(build from scratch)
  root=$(build mount "$container")
  debootstrap --variant=minbase bookworm "$root" >"$tmp/log" 2>&1 || die "debootstrap failed: $(tail -5 "$tmp/log" "$root/debootstrap/debootstrap.log" 2>/dev/null)"
  # What the slim image leaves out too.
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,info,locale}/* "$root"/var/log/*
  build config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd bash "$container"
  build commit --quiet --rm "$container" "$debian" >/dev/null
  container=
fi

node_version=$(node --version)
if [ "$(build inspect --type image --format '{{index .OCIv1.Config.Labels "valence.dev/node"}}' "$node" 2>/dev/null)" != "$node_version" ]; then
  say "base image node:24-bookworm-slim"
  [[ $node_version = v24.* ]] || die "node is $node_version, but the base image needs Node 24: run through npm run up, or source dev/env"
  (cd "$tmp" && npm pack --silent "npm@$npm_version" >/dev/null)
  echo "$npm_sha512  $tmp/npm-$npm_version.tgz" | sha512sum --check --quiet
  container=$(build from "$debian")
  root=$(build mount "$container")
  cp "$(node -p process.execPath)" "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules/npm"
  tar -xzf "$tmp/npm-$npm_version.tgz" -C "$root/usr/local/lib/node_modules/npm" --strip-components 1 --no-same-owner
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  chroot "$root" groupadd --gid 1000 node
  chroot "$root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node
  build config --env NODE_VERSION="${node_version#v}" --label "valence.dev/node=$node_version" --cmd node "$container"
  build commit --quiet --rm "$container" "$node" >/dev/null
  container=
fi
