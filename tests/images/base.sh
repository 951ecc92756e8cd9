#!/usr/bin/env bash
# Makes a bare Debian with some packages where no registry can be reached: a root file system made by debootstrap,
# imported under a name. Does nothing if an image of that name is there. Without packages: the stand-in for
# python:3.x-slim, Debian's own Python.
#   tests/images/base.sh NAME:TAG [PACKAGE…]
# What this machine needs to reach a package index (its certificates, its pip.conf) goes into the image: it is for
# tests here, never to be pushed.
set -euo pipefail

name=${1:?"usage: $0 NAME:TAG [PACKAGE…]"}
shift
# python3-venv: what the real image's Python has; tini: apt-get in tfserving/Dockerfile then finds it there.
[ $# -gt 0 ] || set -- python3 python3-venv tini
packages=$(IFS=,; echo "ca-certificates,$*")

! docker image inspect "$name" >/dev/null 2>&1 || exit 0
command -v debootstrap >/dev/null || { echo 'base.sh: there is no debootstrap: apt-get install debootstrap' >&2; exit 1; }

suite=$(. /etc/os-release; [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo bookworm)
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT

debootstrap --variant=minbase --include="$packages" "$suite" "$root" >"$root.log" 2>&1 ||
    { tail -5 "$root.log" >&2; exit 1; }
rm -f "$root.log"

# What Debian's slim images leave out as well.
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/locale/*
find "$root/usr/share/doc" -mindepth 1 -not -name copyright -not -type d -delete
rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/*
# The real image calls it `python`, in /usr/local/bin.
[ ! -x "$root/usr/bin/python3" ] || ln -s /usr/bin/python3 "$root/usr/local/bin/python"

if [ -d /usr/local/share/ca-certificates ]; then
    cp -a /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
    chroot "$root" update-ca-certificates >/dev/null 2>&1
    # Java keeps a list of its own, and does not start without /proc, which is gone with the namespace.
    [ ! -x "$root/usr/bin/keytool" ] || unshare --mount sh -euc '
        mount -t proc proc "$1/proc"
        for file in "$1"/usr/local/share/ca-certificates/*.crt; do
            [ -f "$file" ] || continue
            chroot "$1" keytool -importcert -noprompt -cacerts -storepass changeit \
                -alias "$(basename "$file")" -file "${file#"$1"}" 2>/dev/null
        done' - "$root"
fi
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/pip.conf"

tar -C "$root" -c . | docker import -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'CMD ["python"]' - "$name" >/dev/null
