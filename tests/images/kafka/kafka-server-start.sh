#!/usr/bin/env bash
# Becomes the broker: kafka-server-start.sh server.properties [--override NAME=VALUE …]

bin=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}
export KAFKA_LOG4J_OPTS=${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=$bin/../config/log4j2.yaml}
# shellcheck disable=SC2086
exec "$bin/kafka-run-class.sh" ${EXTRA_ARGS--name kafkaServer -loggc} kafka.Kafka "$@"
