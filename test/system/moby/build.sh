#!/bin/sh
# build.sh DEST
#
# Makes the program DEST: the tests of Docker's own allocator from moby's repository, which call Berth through moby's
# remote driver. The module comes from the Go proxy, pinned, and is checked against Go's checksum database; nothing of it
# is kept in this repository. In a copy of it the allocator's methods are renamed, and those of harness/ take their place.
# A build from scratch takes a minute or two.
#
# DEST appears complete or not at all. Needs go, 1.21 or later, which fetches the release that the module requires.
set -eu

moby_version=v2.0.0-beta.24
moby=github.com/moby/moby/v2

die() {
  echo "build: $*" >&2
  exit 1
}

[ $# -eq 1 ] || die 'usage: build.sh DEST'
destination=$1
[ ! -e "$destination" ] || exit 0
harness=$(cd "$(dirname "$0")/harness" && pwd)
mkdir -p "$(dirname "$destination")"
work=$(mktemp -d "$destination.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The build ignores settings and workspaces of this machine's user.
export GOENV=off GOWORK=off GOTOOLCHAIN=auto CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false -trimpath -p=2'
cd "$work"
source=$(GOFLAGS='' go mod download -json "$moby@$moby_version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
[ -n "$source" ] || die "no module $moby@$moby_version"
cp -r "$source" module
chmod -R u+w module
cd module/daemon/libnetwork/ipams
for method in RequestPool ReleasePool RequestAddress ReleaseAddress; do
  grep -q "^func (a \*Allocator) $method(" defaultipam/allocator.go || die "the allocator has no method $method"
  sed -i "s/^func (a \*Allocator) $method(/func (a *Allocator) builtin$method(/" defaultipam/allocator.go
done
cp "$harness/allocator.go" defaultipam/berth.go
cp "$harness/remote.go" remote/berth.go
go test -c -o "$work/program" ./defaultipam
mv "$work/program" "$destination"
