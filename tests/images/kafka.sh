#!/usr/bin/env bash
# Builds a stand-in for a Kafka image under a name, on Debian's Java, for machines that cannot reach a registry.
#   tests/images/kafka.sh kafka NAME:TAG          for apache/kafka: ./kafka/Dockerfile
#   tests/images/kafka.sh cp-kafka NAME:TAG       for confluentinc/cp-kafka, and
#   tests/images/kafka.sh cp-zookeeper NAME:TAG   for confluentinc/cp-zookeeper: ./confluent/Dockerfile
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() { sed -n '2,5p' "$0" >&2; exit 2; }

[ $# = 2 ] || usage
java=${JAVA_BASE:-mld-test/java:17}
[ -n "${JAVA_BASE:-}" ] || tests/images/base.sh "$java" openjdk-17-jre-headless maven
# The network of this machine: Maven fetches the jars, once per version of the pom.
build=(docker build --quiet --network=host --build-arg BASE="$java" --tag "$2")
case $1 in
    # The context of the root excludes these folders.
    kafka)
        tar -c kafka tests/images/kafka |
            "${build[@]}" --build-arg MAVEN="$java" --file tests/images/kafka/Dockerfile - ;;
    cp-kafka | cp-zookeeper)
        tar -c kafka tests/images/kafka tests/images/confluent |
            "${build[@]}" --file tests/images/confluent/Dockerfile --target "$1" - ;;
    *) usage ;;
esac >/dev/null
