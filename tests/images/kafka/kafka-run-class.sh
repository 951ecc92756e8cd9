#!/usr/bin/env bash
# Becomes Java with a class of Kafka's: kafka-run-class.sh [-name NAME] [-loggc] CLASS [ARGUMENT …]
# In the environment: JAVA_HOME, CLASSPATH, LOG_DIR, JMX_PORT, and KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS,
# KAFKA_GC_LOG_OPTS, KAFKA_JMX_OPTS, KAFKA_LOG4J_OPTS, KAFKA_OPTS, each of them words for Java.

home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=${LOG_DIR:-$home/logs}
name=kafka
collector=${KAFKA_GC_LOG_OPTS:-}

while :; do
    case ${1:-} in
        -name) name=$2; shift 2 ;;
        -loggc) collector=${KAFKA_GC_LOG_OPTS:--Xlog:gc*:file=$logs/$name-gc.log:time,tags:filecount=10,filesize=100M}; shift ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || { sed -n '2,4p' "$0"; exit 1; }

[ -d "$logs" ] || mkdir -p "$logs"
remote=${KAFKA_JMX_OPTS:-}
if [ -n "${JMX_PORT:-}" ]; then
    remote="${remote:--Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false}"
    remote+=" -Dcom.sun.management.jmxremote.port=$JMX_PORT"
fi

# Words on purpose.
# shellcheck disable=SC2086
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" \
    ${KAFKA_HEAP_OPTS:--Xmx256M} \
    ${KAFKA_JVM_PERFORMANCE_OPTS:--server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Djava.awt.headless=true} \
    $collector \
    $remote \
    -Dkafka.logs.dir="$logs" \
    ${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=$home/config/tools-log4j2.yaml} \
    -cp "${CLASSPATH:+$CLASSPATH:}$home/libs/*" \
    ${KAFKA_OPTS:-} \
    "$@"
