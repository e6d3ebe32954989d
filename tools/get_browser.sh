#!/bin/sh
# Chromium and its driver for the test that looks at a notebook; without them that test is skipped and says so.
set -eu
if command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -q >/dev/null 2>&1 || true
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium chromium-driver \
        >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "No Chromium with chromedriver here: the test of notebooks in a browser will be skipped." >&2
