#!/bin/sh
# strace and libfaketime for the tests of power failures and of the clock; without them these are skipped and say so.
set -eu
have() { command -v "$1" >/dev/null 2>&1; }
if have strace && have faketime; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && have apt-get; then
    apt-get update -q >/dev/null 2>&1 || true
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends strace faketime >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "No strace or libfaketime here: the tests of power failures or of the clock will be skipped." >&2
