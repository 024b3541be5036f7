#!/bin/sh
# unpack-docker.sh DEST 28|20
#
# Unpacks a Docker engine (daemon, client, containerd, runc, iptables) and a small busybox image into the folder DEST.
# Nothing is installed: the packages come through apt from the Debian mirror that this system already uses, but into
# lists and caches of their own, so that neither the package database nor apt's sources change.
#
# DEST appears complete or not at all, and stays as it is when it is there already: the work happens in a folder beside
# it, which is renamed at the end. Of two runs at once, the second throws its copy away.
#
# Needs root, apt and Debian 12 or later.
set -eu

die() {
  echo "unpack-docker: $*" >&2
  exit 1
}

[ $# -eq 2 ] || die 'usage: unpack-docker.sh DEST 28|20'
destination=$1
release=$2

# Say what else the tests need, also when the engine itself is there: both are prerequisites of the same run.
for need in ip:iproute2 nsenter:util-linux unshare:util-linux setpriv:util-linux mount:mount find:findutils; do
  command -v "${need%:*}" >/dev/null || echo "unpack-docker: missing here: ${need%:*} (apt-get install ${need#*:})" >&2
done

[ ! -e "$destination" ] || exit 0
[ "$(id -u)" -eq 0 ] || die 'must run as root'
for tool in apt-get dpkg-deb tar; do
  command -v "$tool" >/dev/null || die "$tool is missing: only Debian and its like have these packages"
done

# What dockerd needs at run time comes from Debian 12, whose C library is the oldest that is supported here. That holds
# for runc too: the newer ones need a newer C library than the newer dockerd does.
runtime='runc/bookworm tini/bookworm busybox-static/bookworm libseccomp2/bookworm libdevmapper1.02.1/bookworm
  iptables/bookworm libxtables12/bookworm libip4tc2/bookworm libip6tc2/bookworm libmnl0/bookworm libnftnl11/bookworm
  libnfnetlink0/bookworm libnetfilter-conntrack3/bookworm'
case $release in
  # Two suites, since sid will have a later engine some day and forky may not have this one forever.
  28) suites='bookworm forky sid' version=28.5 packages="docker.io=28.5.* docker-cli=28.5.* containerd=2.* $runtime" ;;
  20) suites='bookworm' version=20.10 packages="docker.io=20.10.* containerd/bookworm $runtime" ;;
  *) die "no such engine: $release (28 and 20 are)" ;;
esac

# The mirror of the running system: the line of its sources that gives the suite this system was made from. Without
# --no-release-info apt would tell only what `apt-get update` has fetched, which on a fresh system is nothing.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
  awk -v codename="$codename" '($1 == codename || $1 == "stable") && $2 == "main" { print $3; exit }')
[ -n "$mirror" ] || die "apt knows no Debian mirror for the suite '$codename'"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || die "$keyring is missing (apt-get install debian-archive-keyring)"

mkdir -p "$(dirname "$destination")"
work=$(mktemp -d "$destination.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"

mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/apt/packages"
for suite in $suites; do
  echo "deb [signed-by=$keyring] $mirror $suite main"
done >"$work/apt/sources.list"

# The system's own settings (proxy, credentials) stay in force; only the places differ.
apt() {
  apt-get -qq \
    -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" \
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o Acquire::Retries=3 -o APT::Sandbox::User=root "$@"
}
apt update
# The version globs are for apt, not for the shell; the list of packages is to be split.
set -f
(cd "$work/apt/packages" && apt download $packages >/dev/null)
set +f
for package in "$work"/apt/packages/*.deb; do
  dpkg-deb -x "$package" "$work"
done
rm -rf "$work/apt" "$work/usr/share" "$work/etc" "$work/var"

# What the packages' own install scripts would have linked.
[ -e "$work/usr/bin/docker-init" ] || ln -s tini-static "$work/usr/bin/docker-init"
for family in iptables ip6tables; do
  for command in $family $family-save $family-restore; do
    ln -s xtables-nft-multi "$work/usr/sbin/$command"
  done
done
# One folder for all libraries, whatever this machine's architecture is called.
mkdir "$work/lib-all"
find "$work/lib" "$work/usr/lib" -name '*.so.*' -exec cp -P {} "$work/lib-all" \;
mv "$(dirname "$(find "$work/usr/lib" -name libxt_addrtype.so)")" "$work/lib-all/xtables"
rm -rf "$work/lib" "$work/usr/lib"

# The image: busybox under the names that tests call it by.
mkdir -p "$work/image/bin" "$work/image/etc"
cp "$work/bin/busybox" "$work/image/bin/"
for applet in sh arping cat echo hostname ip ls nc ping route sleep true udhcpc wget; do
  ln -s busybox "$work/image/bin/$applet"
done
echo 'root:x:0:0:root:/:/bin/sh' >"$work/image/etc/passwd"
tar -C "$work/image" --owner=0 --group=0 -cf "$work/busybox.tar" .
rm -rf "$work/image"

# A package that cannot run here should be known now, not as a daemon that does not come up.
for binary in usr/sbin/dockerd usr/bin/docker usr/bin/containerd usr/sbin/runc usr/sbin/iptables; do
  said=$(LD_LIBRARY_PATH="$work/lib-all" "$work/$binary" --version 2>&1) || die "$binary does not run here: $said"
  case $binary in
    */docker | */dockerd) case $said in *" $version."*) ;; *) die "$binary is not $version: $said" ;; esac ;;
  esac
done

# -T: a DEST that has appeared meanwhile is not to be moved into. Being complete, it serves as well as this copy.
mv -T "$work" "$destination" 2>/dev/null || [ -e "$destination/busybox.tar" ] || die "cannot rename to $destination"
