#!/bin/sh
# make-compose.sh DEST debian|VERSION
#
# Makes Docker Compose as the program DEST/docker-compose: the one that Debian ships, unpacked and not installed, or the
# given version, built from its Go modules. As with unpack-docker.sh, apt uses separate lists and caches. DEST appears
# complete or not at all, and an existing DEST is left as it is.
#
# Needs apt (debian), or Go in the version that this Compose requires or later. The build takes some minutes, once.
set -eu

die() {
  echo "make-compose: $*" >&2
  exit 1
}

[ $# -eq 2 ] || die 'usage: make-compose.sh DEST debian|VERSION'
destination=$1
version=$2
[ ! -e "$destination" ] || exit 0

mkdir -p "$(dirname "$destination")"
work=$(mktemp -d "$destination.XXXXXX")
trap 'chmod -R u+w "$work" 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"

unpack() {
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  mirror=$(apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v codename="$codename" '($1 == codename || $1 == "stable") && $2 == "main" { print $3; exit }')
  [ -n "$mirror" ] || die "apt knows no Debian mirror for the suite '$codename'"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
  # Debian 12 has the last Compose in Python, which is a different program; Debian 13 has the first one in Go.
  for suite in trixie forky sid; do
    echo "deb [signed-by=$keyring] $mirror $suite main"
  done >"$work/apt/sources.list"
  apt() {
    apt-get -qq \
      -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
      -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" \
      -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
      -o Acquire::Retries=3 -o APT::Sandbox::User=root "$@"
  }
  apt update
  (cd "$work/apt" && apt download docker-compose/trixie >/dev/null)
  dpkg-deb -x "$work"/apt/docker-compose_*.deb "$work/package"
  mv "$(find "$work/package" -type f -path '*/cli-plugins/docker-compose')" "$work/docker-compose"
  rm -rf "$work/apt" "$work/package"
}

# Its module replaces others, so `go install` refuses it. It is built in a copy of its own folder instead.
build() {
  command -v go >/dev/null || die 'go is missing (apt-get install golang-go)'
  export GOENV=off GOWORK=off GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath -p=2'
  module=github.com/docker/compose/v5
  cp -r "$(go mod download -json "$module@v$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')" "$work/source"
  chmod -R u+w "$work/source"
  (cd "$work/source" && go build -ldflags "-s -w -X $module/internal.Version=$version" -o ../docker-compose ./cmd)
  rm -rf "$work/source"
}

case $version in
  debian) unpack ;;
  *) build ;;
esac
said=$("$work/docker-compose" version 2>&1) || die "it does not run here: $said"
mv -T "$work" "$destination" 2>/dev/null || [ -e "$destination/docker-compose" ] || die "cannot rename to $destination"
