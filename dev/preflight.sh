# Refuses, before anything is changed, a machine on which the local cluster cannot work. Sourced, never run.
# Each refusal says what was found and what to do.
. "$(dirname "${BASH_SOURCE[0]}")/bootstrap.sh"

# choose_cluster: sets CLUSTER to what holds the pods: kind or stock (parts of the distribution, dev/cluster).
choose_cluster() {
  CLUSTER=$(cat "$VALENCE_STATE_ROOT/cluster-kind" 2>/dev/null || true)
  [ "$CLUSTER" != current ] || CLUSTER=
  [ -z "$CLUSTER" ] || return 0
  if command -v kind >/dev/null && command -v docker >/dev/null && docker info >/dev/null 2>&1; then CLUSTER=kind; else CLUSTER=stock; fi
}

listening() { # listening PORT: without ss, which a bare machine need not have
  local port
  port=$(printf '%04X' "$1")
  awk -v port="$port" '$4 == "0A" && $2 ~ ":" port "$" { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# The variable that moves a port, for the ports that can be moved.
settable() {
  local variable
  for variable in VALENCE_API_PORT VALENCE_ETCD_PORT VALENCE_ETCD_PEER_PORT; do
    [ "${!variable}" != "$1" ] || echo ", or set $variable"
  done
}

# free_gib FOLDER: of the file system that holds it, or will hold it.
free_gib() {
  local folder=$1
  until [ -d "$folder" ]; do folder=$(dirname "$folder"); done
  df --output=avail -k "$folder" | awk 'NR == 2 { print int($1 / 1048576) }'
}

require_disk() { # require_disk FOLDER GIB WHAT
  local free
  free=$(free_gib "$1")
  [ "$free" -ge "$2" ] || fail "$3 needs $2 GiB free for $1, but there are $free: free some, or point $4 to a larger disk"
}

preflight_stock() {
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s): without Docker and kind the local cluster needs Linux. Install both, or use a cluster of yours: npm run up -- --use-current"
  case $(uname -m) in x86_64 | aarch64) ;; *) fail "this is a $(uname -m): the local cluster is made for x86_64 and aarch64" ;; esac
  local like
  like=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}")
  [[ " $like " = *" debian "* ]] || fail "this is ${like:-an unknown system}: without Docker and kind the local cluster needs Debian 12 or Ubuntu, or later. Install both, or use a cluster of yours: npm run up -- --use-current"
  [ "$(id -u)" = 0 ] || fail "root is needed: the local cluster makes network links, mounts and control groups. Run it as root (sudo --preserve-env=HOME npm run up), or install Docker and kind"
  command -v apt-get >/dev/null || fail "apt-get is missing: the local cluster is made of Debian's packages"
  local memory
  memory=$(awk '/^MemTotal/ { print int($2 / 1048576) }' /proc/meminfo)
  [ "$memory" -ge 6 ] || fail "this machine has $memory GiB of memory: training and serving beside the cluster need 6"

  . dev/images/lib.sh
  if alive kube-apiserver; then return 0; fi # it is up already: its ports are its own, its disk is taken
  local port
  # The defaults of dev/cluster/lib.sh, and the fixed ports of the cluster's components.
  for port in "$VALENCE_API_PORT" "$VALENCE_ETCD_PORT" "$VALENCE_ETCD_PEER_PORT" 10249 10250 10256 10257 10259 18080 18081; do
    ! listening "$port" || fail "port $port is taken on this machine (who: ss -ltnp 'sport = :$port'): the local cluster needs it. Stop that program$(settable "$port")"
  done
  [ ! -e "/sys/class/net/$VALENCE_LINK" ] || [ -d "$VALENCE_RUN" ] || fail "there is a network link $VALENCE_LINK that is not ours: remove it, or set VALENCE_LINK"
  if [ -x "$VALENCE_BIN/kc" ]; then :; else require_disk "$VALENCE_CACHE" 6 "building the cluster's programs" XDG_CACHE_HOME; fi
  if [ -d "$IMAGES_CACHE/storage" ] && [ -d "$LOADED" ]; then require_disk "$VALENCE_STATE" 3 "the local cluster" XDG_STATE_HOME; else require_disk "$VALENCE_STATE" 30 "the first run (the trainer's image holds PyTorch and exists in three places)" "XDG_STATE_HOME and XDG_CACHE_HOME"; fi
}

preflight_kind() {
  local command
  for command in kind docker; do command -v "$command" >/dev/null || fail "$command is not installed: --cluster kind needs it; --cluster stock does not"; done
  docker info >/dev/null 2>&1 || fail "docker does not answer: start it, or use --cluster stock"
  for command in kubectl helm; do command -v "$command" >/dev/null || fail "$command is not installed: the kind path uses yours, see https://kubernetes.io/docs/tasks/tools and https://helm.sh/docs/intro/install"; done
  require_disk "$HOME" 30 "the first run (the trainer's image holds PyTorch)" "Docker"
}

preflight_current() {
  local command
  for command in kubectl helm; do command -v "$command" >/dev/null || fail "$command is not installed"; done
  kubectl version --request-timeout=10s >/dev/null 2>&1 || fail "no answer from the cluster of the current context '$(kubectl config current-context 2>/dev/null || echo none)' (KUBECONFIG=${KUBECONFIG:-~/.kube/config})"
  kubectl get storageclass -o jsonpath='{.items[*].metadata.annotations.storageclass\.kubernetes\.io/is-default-class}' | grep -q true || fail "the cluster has no default StorageClass: the quickstart's claims would wait for ever"
}
