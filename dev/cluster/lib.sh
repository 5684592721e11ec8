# Settings and helpers of the local cluster's scripts; sourced, never run.
set -euo pipefail
umask 022

LC_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LC_CACHE=${LC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/valence/cluster}   # binaries, images: kept
LC_STATE=${LC_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/valence/cluster} # one running cluster
LC_BIN=$LC_CACHE/bin
LC_RUN=$LC_STATE/run          # everything that a new cluster starts without
LC_IMAGES=$LC_STATE/images    # containerd's content and snapshots, kept between clusters
LC_PKI=$LC_RUN/pki
LC_LOG=$LC_RUN/log
LC_PID=$LC_RUN/pid
LC_CTRD_SOCK=$LC_RUN/containerd.sock

# Addresses. 198.18.0.0/15 is set aside for test networks (RFC 2544): it is no
# one's LAN, and a rule below keeps the pods' traffic on this machine.
LC_NODE=${LC_NODE:-lc-node}
LC_NODE_IP=${LC_NODE_IP:-198.18.0.1}
LC_SERVICE_CIDR=${LC_SERVICE_CIDR:-198.18.64.0/20}
LC_SERVICE_IP=${LC_SERVICE_IP:-198.18.64.1}       # the service "kubernetes"
LC_POD_CIDR=${LC_POD_CIDR:-198.18.128.0/20}
LC_LINK=${LC_LINK:-lc0}
LC_API_PORT=${LC_API_PORT:-6443}
LC_ETCD_PORT=${LC_ETCD_PORT:-12379}
LC_ETCD_PEER_PORT=${LC_ETCD_PEER_PORT:-12380}
LC_REGISTRY_PORT=${LC_REGISTRY_PORT:-5001}
LC_DOMAIN=cluster.local
LC_PAUSE=localhost/pause:1

export KUBECONFIG=${KUBECONFIG:-$LC_RUN/admin.kubeconfig}
export CONTAINERD_ADDRESS=$LC_CTRD_SOCK CONTAINERD_NAMESPACE=k8s.io
PATH=$LC_BIN:$PATH:/usr/sbin:/sbin

say() { printf '%s %s\n' "$(date +%T.%1N)" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# A process is known by its PID and the kernel's start time of it, so that a
# PID used again by another program is never signalled.
start_time() { local s; s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1; s=${s##*) }; set -- $s; [ "$1" != Z ] && echo "${20}"; }
alive() { # alive NAME
  local pid st
  [ -f "$LC_PID/$1" ] && read -r pid st <"$LC_PID/$1" || return 1
  [ -n "$st" ] && [ "$(start_time "$pid")" = "$st" ]
}
pid_of() { local pid st; read -r pid st <"$LC_PID/$1" && echo "$pid"; }
start() { # start NAME COMMAND...: in the background, log and PID file
  local name=$1 pid; shift
  alive "$name" && return 0
  setsid "$@" >>"$LC_LOG/$name.log" 2>&1 </dev/null &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$LC_PID/$name"
}
stop() { # stop SECONDS NAME...: TERM to all, then KILL to those still there
  local seconds=$1 n i; shift
  for n; do ! alive "$n" || kill -TERM "$(pid_of "$n")" 2>/dev/null || true; done
  for n; do
    for ((i = seconds * 20; i > 0; i--)); do alive "$n" || break; sleep 0.05; done
    if alive "$n"; then say "$n does not stop: killed"; kill -KILL "$(pid_of "$n")" 2>/dev/null || true; fi
    rm -f "$LC_PID/$n"
  done
}
wait_for() { # wait_for SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || die "timed out: $what (logs: $LC_LOG)"
    sleep 0.1
  done
}
