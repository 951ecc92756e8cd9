#!/usr/bin/env bash
# Puts Compose v2 beside Debian 12's docker, which has 1.29 only: the plugin out of the next release's package, a single
# file that needs nothing else of it. Does nothing if docker knows `compose` already. As root.
set -euo pipefail

next=trixie
plugins=/usr/local/lib/docker/cli-plugins

! docker compose version >/dev/null 2>&1 || exit 0
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/sources" "$place/lists/partial" "$place/cache/archives/partial"

# Where this machine has its Debian from.
origin=$(apt-get indextargets --format '$(REPO_URI)' 'ORIGIN: Debian' "CODENAME: $(. /etc/os-release; echo "$VERSION_CODENAME")" | head -1)
[ -n "$origin" ] || { echo 'compose_v2.sh: apt knows no Debian: apt-get update' >&2; exit 1; }
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $origin $next main" >"$place/sources/next.list"
next_apt() {
    apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$place/sources" \
        -o Dir::State::Lists="$place/lists" -o Dir::Cache="$place/cache" -o APT::Sandbox::User=root "$@"
}
next_apt update
(cd "$place" && next_apt download docker-compose)
dpkg --fsys-tarfile "$place"/docker-compose_*.deb | tar -x -C "$place" ./usr/libexec/docker/cli-plugins/docker-compose
install -D "$place/usr/libexec/docker/cli-plugins/docker-compose" "$plugins/docker-compose"
docker compose version
