#!/usr/bin/env bash
# Starts the container runtime alone, so that images can be loaded while the
# cluster's programs are still being built. up.sh starts it with the cluster.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "$(id -u)" = 0 ] || die "root is needed"
make_folders
mkdir -p "$VALENCE_RUN/certs.d/localhost:$VALENCE_REGISTRY_PORT"
printf 'server = "http://127.0.0.1:%s"\n' "$VALENCE_REGISTRY_PORT" >"$VALENCE_RUN/certs.d/localhost:$VALENCE_REGISTRY_PORT/hosts.toml"
cat >"$VALENCE_RUN/containerd.toml" <<T
version = 2
root = "$VALENCE_IMAGES"
state = "$VALENCE_RUN/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "$VALENCE_CTRD_SOCK"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$VALENCE_PAUSE"
  restrict_oom_score_adj = true   # without CAP_SYS_RESOURCE no sandbox starts otherwise
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$(cni_bin)"
    conf_dir = "$VALENCE_RUN/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$VALENCE_RUN/certs.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
T
start containerd containerd --config "$VALENCE_RUN/containerd.toml"
wait_for 30 containerd ctr version
