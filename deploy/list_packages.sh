#!/usr/bin/env bash
# Prints what an image holds, a line "kind name version" each; deploy/Dockerfile keeps it as
# /usr/share/clawgate/packages.txt. dpkg's database and package-lock.json stay in the image too.
set -euo pipefail

dpkg-query -W -f 'deb ${Package} ${Version}\n'
# What npm installed, not all that the lock file has for other processors.
jq -r '.packages | to_entries[] | "npm \(.key | sub(".*node_modules/"; "")) \(.value.version)"' \
    /opt/clawgate/openclaw-*/node_modules/.package-lock.json | sort -u
printf 'image %s\n' "${1//:/ }"
clawgate --version | sed 's/^/program /'
