#!/usr/bin/env bash
# Builds a stand-in for an image of Kafka under a name, on a Java of Debian's, where no registry can be reached.
#   tests/images/kafka.sh kafka NAME:TAG          for apache/kafka: kafka/Dockerfile
#   tests/images/kafka.sh cp-kafka NAME:TAG       for confluentinc/cp-kafka, and
#   tests/images/kafka.sh cp-zookeeper NAME:TAG   for confluentinc/cp-zookeeper: confluent/Dockerfile
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() { sed -n '2,5p' "$0" >&2; exit 2; }

[ $# = 2 ] || usage
java=${JAVA_BASE:-mld-test/java:17}
[ -n "${JAVA_BASE:-}" ] || tests/images/base.sh "$java" openjdk-17-jre-headless maven
# The machine's network: Maven fetches the jars, once for as long as the pom stays the same.
build=(docker build --quiet --network=host --build-arg BASE="$java" --tag "$2")
case $1 in
    kafka) "${build[@]}" --build-arg MAVEN="$java" kafka ;;
    cp-kafka | cp-zookeeper)
        # The root's own context leaves out both folders.
        tar -c kafka tests/images/confluent | "${build[@]}" --file tests/images/confluent/Dockerfile --target "$1" - ;;
    *) usage ;;
esac >/dev/null
