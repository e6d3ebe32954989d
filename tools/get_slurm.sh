#!/bin/sh
# A Slurm for the tests of Slurm targets; without it these tests are skipped and say so.
set -eu
have() { command -v "$1" >/dev/null 2>&1; }
if have slurmctld && have slurmd && have sbatch && have munged; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && have apt-get; then
    apt-get update -q >/dev/null 2>&1 || true
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends slurm-wlm munge >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "No Slurm here: the tests of Slurm targets will be skipped." >&2
