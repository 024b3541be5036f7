#!/bin/sh
# build-engine-29.sh DEST BASE
#
# Makes Docker engine 29 in the folder DEST. No Debian release that runs here has it, so dockerd and docker-proxy are
# built from their Go modules. So is runc: Debian 12's is too old for this engine (it does not support time namespaces),
# and later ones need a later C library. Everything else, the client included, comes from engine 28, unpacked in BASE.
#
# All versions are pinned, the compiler's too: any installed Go fetches that version as a module. Downloads are checked
# against Go's checksum database. A build from scratch takes some five minutes on two cores.
#
# As with unpack-docker.sh, DEST appears complete or not at all, and an existing DEST is left as it is.
#
# Needs go (any), gcc, pkg-config and libseccomp-dev.
set -eu

go_version=1.26.8
moby_version=v2.0.0-beta.24
runc_version=v1.3.6

die() {
  echo "build-engine-29: $*" >&2
  exit 1
}

[ $# -eq 2 ] || die 'usage: build-engine-29.sh DEST BASE'
destination=$1
base=$2
[ ! -e "$destination" ] || exit 0
[ -e "$base/busybox.tar" ] || die "no engine 28 in $base (unpack-docker.sh makes it)"
for need in go:golang-go gcc:gcc pkg-config:pkg-config; do
  command -v "${need%:*}" >/dev/null || die "${need%:*} is missing (apt-get install ${need#*:})"
done
pkg-config --exists libseccomp || die 'libseccomp is missing (apt-get install libseccomp-dev)'

mkdir -p "$(dirname "$destination")"
work=$(mktemp -d "$destination.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"

# A module's files come without execute permission. Old releases of Go do not know that this module is a Go toolchain, so
# the permission is set here. The build ignores settings and workspaces of this machine's user.
export GOENV=off GOWORK=off GOFLAGS='-mod=mod -buildvcs=false -trimpath -p=2'
toolchain="golang.org/toolchain@v0.0.1-go$go_version.linux-$(go env GOARCH)"
mkdir "$work/build"
cd "$work/build"
cp -r "$(GOFLAGS='' go mod download -json "$toolchain" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')" go
chmod -R u+w go
chmod +x go/bin/* go/pkg/tool/*/*
export GOROOT="$work/build/go" GOTOOLCHAIN=local GOBIN="$work/build/bin"
go=$GOROOT/bin/go

moby=github.com/moby/moby/v2
version="29-${moby_version#v}"
CGO_ENABLED=0 "$go" install -tags 'exclude_graphdriver_btrfs exclude_graphdriver_zfs no_systemd' \
  -ldflags "-s -w -X $moby/dockerversion.Version=$version" "$moby/cmd/dockerd@$moby_version"
CGO_ENABLED=0 "$go" install -ldflags '-s -w' "$moby/cmd/docker-proxy@$moby_version"
# Static, since the libraries of BASE may come from another system than this one.
CGO_ENABLED=1 "$go" install -tags seccomp \
  -ldflags "-s -w -X main.version=${runc_version#v} -extldflags -static" "github.com/opencontainers/runc@$runc_version"

cd "$work"
cp -a "$base/." .
mv build/bin/dockerd build/bin/docker-proxy build/bin/runc usr/sbin/
rm -rf build

for binary in dockerd:"$version" runc:"${runc_version#v}"; do
  said=$("usr/sbin/${binary%%:*}" --version 2>&1) || die "${binary%%:*} does not run here: $said"
  case $said in *" version ${binary#*:}"*) ;; *) die "${binary%%:*} is not ${binary#*:}: $said" ;; esac
done

mv -T "$work" "$destination" 2>/dev/null || [ -e "$destination/busybox.tar" ] || die "cannot rename to $destination"
