#!/usr/bin/env bash
# A docker daemon of our own for the tests of images, where none answers; without rules in the machine's network.
#   eval "$(tests/images/up.sh)"      starts it if need be; prints DOCKER_HOST if it is ours
#   tests/images/up.sh down [--purge] ends it by its recorded process id; --purge: its images go too
# Containers reach each other over networks of their own and the machine over published ports; builds that
# download need `docker build --network=host`.
set -euo pipefail

DATA=${XDG_CACHE_HOME:-$HOME/.cache}/machine-learning-deployment/docker
RUN=${XDG_RUNTIME_DIR:-/run}/machine-learning-deployment-docker
OURS=unix://$RUN/docker.sock
START_S=60 END_S=30

say() { printf 'up.sh: %s\n' "$*" >&2; }

# The recorded process, if it still is a dockerd and not a stranger with the same number.
pid_of_ours() {
    local pid
    pid=$(cat "$RUN/pid" 2>/dev/null) && grep -qz dockerd "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

answers() { docker -H "$1" version >/dev/null 2>&1; }

up() {
    if docker version >/dev/null 2>&1; then return; fi
    if ! answers "$OURS"; then
        command -v dockerd >/dev/null || { say 'there is no dockerd: apt-get install docker.io'; exit 1; }
        [ "$(id -u)" = 0 ] || { say 'only root can start dockerd'; exit 1; }
        start
    fi
    echo "export DOCKER_HOST=$OURS"
}

start() {
    mkdir -p "$DATA" "$RUN"
    setsid nohup dockerd --iptables=false --ip6tables=false --ip-forward=false --bridge=none \
        --data-root="$DATA/data" --exec-root="$RUN/exec" --pidfile="$RUN/docker.pid" -H "$OURS" \
        >"$DATA/dockerd.log" 2>&1 </dev/null &
    local pid=$! waited=0
    echo "$pid" >"$RUN/pid"
    until answers "$OURS"; do
        # Not pid_of_ours: in its first moments the process is still this script.
        if ! kill -0 "$pid" 2>/dev/null || ((waited++ >= START_S)); then
            say "dockerd does not answer; the end of $DATA/dockerd.log:"
            tail -5 "$DATA/dockerd.log" >&2
            exit 1
        fi
        sleep 1
    done
}

down() {
    local pid
    if pid=$(pid_of_ours); then
        kill "$pid"
        for ((i = 0; i < END_S * 5; i++)); do
            pid_of_ours >/dev/null || break
            sleep 0.2
        done
    fi
    # What a daemon that was killed leaves mounted.
    awk '{print $2}' /proc/self/mounts | { grep -E "^($DATA|$RUN)/" || true; } | sort -r | while read -r mount; do
        umount "$mount" || umount -l "$mount"
    done
    rm -rf --one-file-system "$RUN"
    [ "${1:-}" != --purge ] || rm -rf --one-file-system "$DATA"
}

case ${1:-up} in
    up) up ;;
    down) down "${2:-}" ;;
    *) sed -n '2,6p' "$0"; exit 2 ;;
esac
