#!/bin/sh
# A subsystem's file with docker-compose 1.29 (Compose v1), which rejects the `name:` that gives each file its own
# project in Compose v2; here the name goes along as an argument instead.
#   compose/v1.sh SUBSYSTEM [OPTION …] COMMAND …
#   compose/v1.sh video up -d
#   compose/v1.sh producer --file device.yml up -d
set -eu
[ $# -ge 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")"
subsystem=$1
shift
name=$(sed -n 's/^name: //p' "$subsystem.yml")
# A file and not a pipe: what is executed in a container may want the input, and a second --file is possible.
nameless=$(mktemp)
trap 'rm -f "$nameless"' EXIT
sed '/^name:/d' "$subsystem.yml" >"$nameless"
docker-compose --project-name "$name" --project-directory . --file "$nameless" "$@"
