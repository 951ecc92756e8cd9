#!/usr/bin/env bash
# Builds the stand-in for apache/kafka under a name, on a Java of Debian's, where no registry can be reached.
#   tests/images/kafka.sh NAME:TAG
set -euo pipefail
cd "$(dirname "$0")/../.."

name=${1:?"usage: $0 NAME:TAG"}
java=${JAVA_BASE:-mld-test/java:17}
[ -n "${JAVA_BASE:-}" ] || tests/images/base.sh "$java" openjdk-17-jre-headless maven
# The machine's network: Maven fetches the jars, once for as long as pom.xml stays the same.
docker build --quiet --network=host --build-arg BASE="$java" --build-arg MAVEN="$java" --tag "$name" kafka >/dev/null
