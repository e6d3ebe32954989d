#!/bin/sh
# What some tests need beside Python's packages; without it these tests are skipped and say so.
set -eu
asked=""

# have COMMAND…: whether there are all of these.
have() {
    for each in "$@"; do
        command -v "$each" >/dev/null 2>&1 || [ -x "/usr/sbin/$each" ] || return 1
    done
}

# need WHAT "COMMAND…" PACKAGE…: have Debian's packages bring what is missing.
need() {
    what=$1 commands=$2
    shift 2
    # shellcheck disable=SC2086 # several words
    if have $commands; then
        return
    fi
    if [ "$(id -u)" = 0 ] && have apt-get; then
        [ "$asked" ] || apt-get update -q >/dev/null 2>&1 || true
        asked=yes
        if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1; then
            return
        fi
    fi
    echo "Not all of $commands is here: the tests of $what will be skipped." >&2
}

need "pages in a browser" "chromium chromedriver" chromium chromium-driver
need containers "podman docker-registry htpasswd" podman runc docker-registry apache2-utils
need "Slurm targets" "slurmctld slurmd sbatch munged" slurm-wlm munge
need "power failures and of the clock" "strace faketime" strace faketime
need "machines over SSH" "ssh sshd" openssh-client openssh-server
