#!/bin/sh
# hold-host.sh FOLDER NAME INIT
#
# Turns the new network, mount and UTS namespaces that it is started in into a Docker host, and holds them until stdin
# closes. FOLDER belongs to the host: FOLDER/plugins becomes its /run/docker/plugins. Prints one line when ready: the
# process id of the init whose PID and mount namespace the daemon is to run in.
#
# There are two layers on purpose. The outer one is where plugins run: as any process of the machine, so that a test has
# their real process ids. The inner one adds a PID namespace, so that the daemon, containerd, its shims and all
# containers end with its init, whatever state they are in.
set -eu
folder=$1
name=$2
init=$3
# The control group that the daemon puts its containers into: like the folder, unique on this machine.
group=$(basename "$folder")
[ -x "$init" ] || { echo "no init at $init" >&2; exit 1; }

echo "$name" >/proc/sys/kernel/hostname
ip link set lo up

# mount -n: do not note these mounts in the machine's own /run.
mount -n -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/docker/plugins /run/docker-data
mount -n --bind "$folder/plugins" /run/docker/plugins

# dockerd and containerd also write to /etc/docker and /opt/containerd. The writes go to this host's own layer; what the
# machine itself has in /etc/docker does not belong to this host's settings.
for target in /etc /opt; do
  [ -d "$target" ] || continue
  layer=/run/layers$target
  mkdir -p "$layer/upper" "$layer/work"
  mount -n -t overlay -o "lowerdir=$target,upperdir=$layer/upper,workdir=$layer/work" overlay "$target"
done
mkdir -p /etc/docker
mount -n -t tmpfs tmpfs /etc/docker

# Hosts are distinguished by this id: those of one machine must not share it.
rm -f /etc/machine-id
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id

# /proc is still the outer one when the init reads its own process id, so that this is the id as seen from outside.
# When this script is killed, --kill-child takes the init along; when stdin closes, `cat` ends, and the init with it.
unshare --mount --pid --fork --kill-child sh -c '
  read -r pid rest </proc/self/stat
  mount -n -t proc proc /proc
  echo "$pid"
  exec "$0" -- cat >/dev/null' "$init" || true

# All processes of the host are gone. Its control groups are empty, but a kernel that is still busy with the last exits
# may refuse to remove them for a moment.
left=1
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  left=0
  for path in /sys/fs/cgroup/"$group" /sys/fs/cgroup/*/"$group"; do
    [ ! -d "$path" ] || find "$path" -depth -type d -exec rmdir {} + || left=1
  done
  [ "$left" -ne 0 ] || break
  sleep 0.2
done 2>/dev/null
rm -rf "$folder" 2>/dev/null || left=1
exit "$left"
