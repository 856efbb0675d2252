#!/usr/bin/env bash
# A Slurm of one host, for tests: `slurm.sh start DIR` and `slurm.sh stop DIR`, as root on Debian 12. Logs lie in DIR.
# Then SLURM_CONF=DIR/slurm.conf lets sbatch, squeue and the others speak to it.
set -euo pipefail
what=$1 folder=$(realpath -m "$2")

wait_for() {  # what is awaited, and a command that must succeed within 20 s
  for _ in $(seq 100); do
    if bash -c "$2" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  echo "waited for $1 in vain; see $folder" >&2
  exit 1
}

daemon() {  # its name and its command: in a session of its own, its pid kept
  setsid "${@:2}" >"$folder/$1.out" 2>&1 &
  echo $! >"$folder/$1.pid"
}

start() {
  if ! command -v slurmctld munged >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends slurm-wlm munge
  fi
  mkdir -p "$folder/state" "$folder/spool" /run/munge
  chown munge /run/munge
  chmod 755 "$folder" /run/munge
  sed "s|DIR|$folder|g; s|PROCESSORS|$(nproc)|" "$(dirname "${BASH_SOURCE[0]}")/slurm.conf" >"$folder/slurm.conf"
  export SLURM_CONF="$folder/slurm.conf"
  # One may be running already.
  if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
    daemon munged setpriv --reuid=munge --regid=munge --clear-groups munged --foreground --force
    wait_for munge 'munge -n | unmunge'
  fi
  daemon slurmctld slurmctld -D
  wait_for slurmctld 'scontrol ping | grep -q UP'
  daemon slurmd slurmd -D
  wait_for "the node" 'sinfo -h -o %t | grep -q idle'
}

stop() {  # in the reverse order; a second slurmd would have killed the first through its pid file
  for name in slurmd slurmctld munged; do
    [ -f "$folder/$name.pid" ] || continue
    pid=$(cat "$folder/$name.pid")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    rm -f "$folder/$name.pid"
  done
}

"$what"
