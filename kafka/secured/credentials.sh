#!/usr/bin/env bash
# Makes the certificates and passwords of a secured bus, and what Kubernetes and Compose read of them. Needs OpenSSL 3.
#   kafka/secured/credentials.sh [--renew] [--hosts NAME,NAME…] [FOLDER]
# FOLDER is kafka/secured/credentials, which git ignores. Keep it: whoever has ca.key can make certificates.
# Run it again at any time: passwords and the authority stay; certificates that end within 30 days are made anew,
# with --renew all of them. Remove FOLDER/passwords/USER for a new password of that user.
set -euo pipefail

renew=0
hosts=kf1-service,kafka1,kafka1-0.kafka1,localhost,127.0.0.1
folder=$(dirname "$0")/credentials
while [ $# -gt 0 ]; do
    case $1 in
        --renew) renew=1 ;;
        --hosts) hosts=$2; shift ;;
        -*) sed -n '2,7p' "$0" >&2; exit 2 ;;
        *) folder=$1 ;;
    esac
    shift
done

SERVICES=(producer consumer video) # with passwords; the port of each service's listener is in its manifest
JOBS=(admin topics)                # with certificates
AUTHORITY_DAYS=3650 DAYS=365 RENEW_S=$((30 * 24 * 3600))

umask 077
mkdir -p "$folder/passwords" "$folder/kafkaconfig" "$folder/tls"
cd "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*"; }

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -f ca.key ]; then
    key ca.key
    openssl req -x509 -new -key ca.key -days "$AUTHORITY_DAYS" -subj /CN=machine-learning-deployment -out tls/ca.pem \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
    say "authority: new, ends $(openssl x509 -noout -enddate -in tls/ca.pem | cut -d= -f2)"
fi

# certificate NAME PURPOSE [HOSTS]: NAME.pem with the key and the certificate, whose subject is CN=NAME.
certificate() {
    local file=tls/$1.pem names= hosts_of=${3:-}
    if [ "$renew" = 0 ] && [ -f "$file" ] && openssl x509 -noout -checkend "$RENEW_S" -in "$file" >/dev/null; then return; fi
    key "$work/key"
    openssl req -new -key "$work/key" -subj "/CN=$1" -out "$work/request"
    {
        echo 'basicConstraints=critical,CA:FALSE'
        echo 'keyUsage=critical,digitalSignature'
        echo "extendedKeyUsage=$2"
        for host in ${hosts_of//,/ }; do
            if [[ $host =~ ^[0-9.]+$|: ]]; then names+=IP:$host,; else names+=DNS:$host,; fi
        done
        [ -z "$names" ] || echo "subjectAltName=${names%,}"
    } >"$work/extensions"
    openssl x509 -req -in "$work/request" -CA tls/ca.pem -CAkey ca.key -days "$DAYS" -extfile "$work/extensions" \
        -out "$work/certificate" 2>/dev/null
    cat "$work/key" "$work/certificate" >"$work/both"
    mv "$work/both" "$file" # at once: a broker may be reading it
    say "$1: new certificate, ends $(openssl x509 -noout -enddate -in "$file" | cut -d= -f2)"
}

certificate kafka serverAuth,clientAuth "$hosts"
for job in "${JOBS[@]}"; do certificate "$job" clientAuth; done

for service in "${SERVICES[@]}"; do
    [ -f "passwords/$service" ] || { openssl rand -hex 24 >"passwords/$service" && say "$service: new password"; }
done

# The lines of a file as one JSON string.
json() { awk '{printf "%s\\n", $0}' "$1"; }

for service in "${SERVICES[@]}"; do
    printf '{"security.protocol":"SASL_SSL","sasl.mechanism":"SCRAM-SHA-512","sasl.username":"%s","sasl.password":"%s","ssl.ca.pem":"%s"}\n' \
        "$service" "$(cat "passwords/$service")" "$(json tls/ca.pem)" >"kafkaconfig/$service.json"
done
for job in "${JOBS[@]}"; do
    openssl pkey -in "tls/$job.pem" -out "$work/key"
    openssl x509 -in "tls/$job.pem" -out "$work/certificate"
    printf '{"security.protocol":"SSL","ssl.ca.pem":"%s","ssl.key.pem":"%s","ssl.certificate.pem":"%s"}\n' \
        "$(json tls/ca.pem)" "$(json "$work/key")" "$(json "$work/certificate")" >"kafkaconfig/$job.json"
done

passwords=
for service in "${SERVICES[@]}"; do passwords+="\"$service\":\"$(cat "passwords/$service")\","; done
printf '{%s}\n' "${passwords%,}" >passwords.json

# What Compose reads: docker compose --env-file FOLDER/compose.env -f compose/secured.yml …
{
    printf "SECURED_TLS='%s'\n" "$PWD/tls"
    printf "USERS_PASSWORDS='%s'\n" "$(cat passwords.json)"
    for user in "${SERVICES[@]}" "${JOBS[@]}"; do
        printf "%s_KAFKACONFIG='%s'\n" "${user^^}" "$(cat "kafkaconfig/$user.json")"
    done
} >compose.env
# The user of Kafka's image has to read its certificate where the folder is mounted.
[ "$(id -u)" != 0 ] || chown 1000 tls tls/*

secret() { printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  labels:\n    app.kubernetes.io/part-of: machine-learning-deployment\ndata:\n' "$1"; }
entry() { printf '  %s: %s\n' "$1" "$(base64 <"$2" | tr -d '\n')"; }
{
    secret kafka-tls
    entry kafka.pem tls/kafka.pem
    entry ca.pem tls/ca.pem
    secret users-secret
    entry KAFKACONFIG kafkaconfig/admin.json
    entry PASSWORDS passwords.json
    for user in "${SERVICES[@]}" topics; do
        secret "$user-secret"
        entry KAFKACONFIG "kafkaconfig/$user.json"
    done
} >secrets.yml
say "$PWD: secrets.yml for kubectl apply, compose.env for docker compose"
