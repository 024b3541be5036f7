#!/bin/sh
# hold-place.sh FOLDER
#
# Turns the new network, mount and UTS namespaces that it is started in into a separate place for the emulator and all its
# clients, and holds it until stdin closes. Its only name server is the place itself, and it has no route out. Prints one
# line when ready: the process id of the init. When the init ends, all processes of the place end.
set -eu
folder=$1

echo cloud >/proc/sys/kernel/hostname
ip link set lo up
mount -n -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/etc/upper /run/etc/work
mount -n -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
rm -f /etc/resolv.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
echo '127.0.0.1 localhost cloud' >/etc/hosts

# /proc is still the outer one when the init reads its own process id, so this is the id as seen from outside.
unshare --mount --pid --fork --kill-child sh -c '
  read -r pid rest </proc/self/stat
  mount -n -t proc proc /proc
  echo "$pid"
  cat >/dev/null' || true
rm -rf "$folder"
