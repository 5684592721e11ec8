# Settings and helpers of the local cluster's scripts; sourced, never run.
set -euo pipefail
umask 022

VALENCE_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VALENCE_CACHE=${VALENCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/valence/cluster}   # binaries, images: kept
VALENCE_STATE=${VALENCE_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/valence/cluster} # one running cluster
VALENCE_BIN=$VALENCE_CACHE/bin
VALENCE_RUN=$VALENCE_STATE/run          # everything that a new cluster starts without
VALENCE_IMAGES=$VALENCE_STATE/images    # containerd's content and snapshots, kept between clusters
VALENCE_PKI=$VALENCE_RUN/pki
VALENCE_LOG=$VALENCE_RUN/log
VALENCE_PID=$VALENCE_RUN/pid
VALENCE_CTRD_SOCK=$VALENCE_RUN/containerd.sock

# Addresses. 198.18.0.0/15 is set aside for test networks (RFC 2544): it is no
# one's LAN, and a rule below keeps the pods' traffic on this machine.
VALENCE_NODE=${VALENCE_NODE:-valence-node}
VALENCE_NODE_IP=${VALENCE_NODE_IP:-198.18.0.1}
VALENCE_SERVICE_CIDR=${VALENCE_SERVICE_CIDR:-198.18.64.0/20}
VALENCE_SERVICE_IP=${VALENCE_SERVICE_IP:-198.18.64.1}       # the service "kubernetes"
VALENCE_POD_CIDR=${VALENCE_POD_CIDR:-198.18.128.0/20}
VALENCE_LINK=${VALENCE_LINK:-valence0}
VALENCE_API_PORT=${VALENCE_API_PORT:-6443}
VALENCE_ETCD_PORT=${VALENCE_ETCD_PORT:-12379}
VALENCE_ETCD_PEER_PORT=${VALENCE_ETCD_PEER_PORT:-12380}
VALENCE_REGISTRY_PORT=${VALENCE_REGISTRY_PORT:-5001}
VALENCE_DOMAIN=cluster.local
VALENCE_PAUSE=localhost/pause:1

export KUBECONFIG=$VALENCE_RUN/admin.kubeconfig   # never the one of the caller's shell: that may be a real cluster's
export CONTAINERD_ADDRESS=$VALENCE_CTRD_SOCK CONTAINERD_NAMESPACE=k8s.io
PATH=$VALENCE_BIN:$PATH:/usr/sbin:/sbin

cni_bin() { echo "${VALENCE_CNI_BIN:-$(dpkg -L containernetworking-plugins 2>/dev/null | sed -n "s|/host-local$||p")}"; }
make_folders() { mkdir -p "$VALENCE_RUN" "$VALENCE_LOG" "$VALENCE_PID" "$VALENCE_IMAGES" && chmod 700 "$VALENCE_RUN"; }

say() { printf '%s %s\n' "$(date +%T.%1N)" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# A process is known by its PID and the kernel's start time of it, so that a
# PID used again by another program is never signalled.
start_time() {
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] && echo "${fields[19]}"
}
alive() { # alive NAME
  local pid st
  [ -f "$VALENCE_PID/$1" ] && read -r pid st <"$VALENCE_PID/$1" || return 1
  [ -n "$st" ] && [ "$(start_time "$pid")" = "$st" ]
}
pid_of() { local pid st; read -r pid st <"$VALENCE_PID/$1" && echo "$pid"; }
start() { # start NAME COMMAND...: in the background, log and PID file
  local name=$1 pid; shift
  alive "$name" && return 0
  setsid "$@" >>"$VALENCE_LOG/$name.log" 2>&1 </dev/null &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$VALENCE_PID/$name"
}
stop() { # stop SECONDS NAME...: TERM to all, then KILL to those still there
  local seconds=$1 n i; shift
  for n; do ! alive "$n" || kill -TERM "$(pid_of "$n")" 2>/dev/null || true; done
  for n; do
    for ((i = seconds * 20; i > 0; i--)); do alive "$n" || break; sleep 0.05; done
    if alive "$n"; then say "$n does not stop: killed"; kill -KILL "$(pid_of "$n")" 2>/dev/null || true; fi
    rm -f "$VALENCE_PID/$n"
  done
}
wait_for() { # wait_for SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || die "timed out: $what (logs: $VALENCE_LOG)"
    sleep 0.1
  done
}
