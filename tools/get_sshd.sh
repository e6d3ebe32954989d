#!/bin/sh
# An OpenSSH server for the tests of machines over SSH; without it these are skipped and say so.
set -eu
have() { command -v "$1" >/dev/null 2>&1; }
if have ssh && [ -x /usr/sbin/sshd ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && have apt-get; then
    apt-get update -q >/dev/null 2>&1 || true
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends openssh-client openssh-server >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "No ssh with sshd here: the tests of machines over SSH will be skipped." >&2
