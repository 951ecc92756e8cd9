#!/bin/sh
# A subsystem's file with docker-compose 1.29 (Compose v1):
#   compose/v1.sh SUBSYSTEM [OPTION …] COMMAND …
#   compose/v1.sh video up -d
#   compose/v1.sh producer --file device.yml up -d
# 1.29 differs from Compose v2 in two things. It rejects the `name:` that gives each file its own project: here the name
# goes along as an argument. Its `down` fails at a network that others still use: here the network is nobody's once it is
# there, and goes with the last one.
set -eu
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")"
subsystem=$1
shift
name=$(sed -n 's/^name: //p' "$subsystem.yml")
network=dockerNet
nobodys=
! docker network inspect "$network" >/dev/null 2>&1 || nobodys="s/^    name: $network\$/&\n    external: true/"
# A file and not a pipe: what is executed in a container may want the input, and a second --file is possible.
file=$(mktemp)
trap 'rm -f "$file"' EXIT
sed -e '/^name:/d' -e "$nobodys" "$subsystem.yml" >"$file"
docker-compose --project-name "$name" --project-directory . --file "$file" "$@"
case " $* " in
    *' down '*) docker network rm "$network" >/dev/null 2>&1 || : ;; # refused while somebody uses it
esac
