#!/usr/bin/env bash
# Make an environment with pip where Python's own way is missing a part: Debian ships venv as a package of its own.
set -euo pipefail
python=$1 folder=$2
if command -v apt-get >/dev/null; then
  become=""
  [ "$(id -u)" = 0 ] || become="sudo"
  echo "Python cannot make environments here; installing Debian's python3-venv."
  $become apt-get update -q
  $become apt-get install -y -q python3-venv
  exec "$python" -m venv "$folder"
fi
echo "Python cannot make environments here. Install its venv module, then run make again." >&2
exit 1
