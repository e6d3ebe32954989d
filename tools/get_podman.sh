#!/bin/sh
# A container engine and a registry for the tests of containers; without them these tests are skipped and say so.
set -eu
have() { command -v "$1" >/dev/null 2>&1; }
if have podman && have docker-registry && have htpasswd; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && have apt-get; then
    apt-get update -q >/dev/null 2>&1 || true
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends podman runc docker-registry \
        apache2-utils >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "No podman with docker-registry and htpasswd here: the tests of containers will be skipped." >&2
