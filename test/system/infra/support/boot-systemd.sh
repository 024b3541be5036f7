#!/bin/sh
# boot-systemd.sh FOLDER NODE SYSTEMD
#
# Boots systemd in the new network, mount, UTS and IPC namespaces that this is started in, and holds it until stdin
# closes. FOLDER/units is its /etc/systemd/system and has all its units. FOLDER is visible as /run/test, and the folder of
# the program NODE as /run/node. Nothing that is written elsewhere reaches the machine. Prints one line when ready:
# systemd's process id.
set -eu
folder=$1
node=$2
systemd=$3
# systemd puts its services into control groups below its own.
name=$(basename "$folder")
if [ -d /sys/fs/cgroup/systemd ]; then group=/sys/fs/cgroup/systemd/$name; else group=/sys/fs/cgroup/$name; fi
mkdir "$group"

ip link set lo up
mount -n -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/test /run/node
mount -n --bind "$folder" /run/test
mount -n --bind "$(dirname "$node")" /run/node
for target in /etc /var; do
  layer=/run/layers$target
  mkdir -p "$layer/upper" "$layer/work"
  mount -n -t overlay -o "lowerdir=$target,upperdir=$layer/upper,workdir=$layer/work" overlay "$target"
done
mount -n --bind "$folder/units" /etc/systemd/system
for none in system system-generators; do mount -n -t tmpfs tmpfs "/usr/lib/systemd/$none"; done

# /proc is still the outer one when the init reads its own process id, so this is the id as seen from outside.
setpriv --pdeathsig KILL sh -c '
  echo 0 >"$0/cgroup.procs"
  exec unshare --mount --pid --cgroup --fork --kill-child sh -c "
    read -r pid rest </proc/self/stat
    mount -n -t proc proc /proc
    mount -n -t tmpfs -o mode=1777 tmpfs /tmp
    if [ -d /sys/fs/cgroup/systemd ]; then
      mount -n -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
      mkdir /sys/fs/cgroup/systemd
      mount -n -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    else
      mount -n -t cgroup2 cgroup2 /sys/fs/cgroup
    fi
    echo \$pid
    exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
      $1 --system --unit=boot.target --log-target=null --show-status=no >/dev/null 2>&1"' "$group" "$systemd" </dev/null &
unshare=$!
cat >/dev/null
# Nothing reads the shell's messages about that any more.
{ kill -KILL "$unshare"; wait "$unshare" || true; } 2>/dev/null

left=1
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  find "$group" -depth -type d -exec rmdir {} + && left=0 && break
  sleep 0.2
done 2>/dev/null
exit "$left"
