#!/bin/sh
# Runs a subsystem's file with docker-compose 1.29 (Compose v1):
#   compose/v1.sh SUBSYSTEM [OPTION …] COMMAND …
#   compose/v1.sh video up -d
#   compose/v1.sh producer --file device.yml up -d
# 1.29 differs from Compose v2 in two ways. It rejects the `name:` that gives each file its own project: this script
# passes the name as an argument. Its `down` fails if other projects still use the network: this script declares an
# existing network external, and removes it when the last project is down.
set -eu
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")"
subsystem=$1
shift
name=$(sed -n 's/^name: //p' "$subsystem.yml")
network=dockerNet
external=
! docker network inspect "$network" >/dev/null 2>&1 || external="s/^    name: $network\$/&\n    external: true/"
# A file instead of a pipe: a command in a container may read the input, and a second --file is possible.
file=$(mktemp)
trap 'rm -f "$file"' EXIT
sed -e '/^name:/d' -e "$external" "$subsystem.yml" >"$file"
docker-compose --project-name "$name" --project-directory . --file "$file" "$@"
case " $* " in
    *' down '*) docker network rm "$network" >/dev/null 2>&1 || : ;; # refused while a container uses it
esac
