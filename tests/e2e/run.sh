#!/usr/bin/env bash
# End-to-end tests: the gateway in front of the real OpenClaw, with Chromium, curl and native clients, and in front of
# a model, with the official clients of its interfaces. Needs the release build (build/release, or CLAWGATE_BUILD_DIR).
# Logs and screenshots are left in tests/e2e/output/.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(cd -- "$here/../.." && pwd)
# shellcheck source=../../deploy/lib.sh
source "$source_dir/deploy/lib.sh"

usage() {
    cat <<'END'
Usage: tests/e2e/run.sh [quickstart] [browser] [cli] [model] [curl] [pod] [secrets]

Runs all end-to-end tests, or only the named ones, in this order. Last line: N passed, N failed, N skipped.
Exit status: 0 when nothing failed.

  CLAWGATE_BUILD_DIR   where clawgate, fake_agent and fake_ollama are (build/release)
  XDG_CACHE_HOME       npm packages are kept below it (~/.cache)
END
}

for argument in "$@"; do
    case $argument in
    -h | --help) usage && exit 0 ;;
    quickstart | browser | cli | model | curl | pod | secrets) ;;
    *) usage >&2 && exit 64 ;;
    esac
done

build_dir=${CLAWGATE_BUILD_DIR:-$source_dir/build/release}
for program in clawgate fake_agent fake_ollama; do
    [[ -x $build_dir/$program ]] ||
        fail 66 "$build_dir/$program is missing: cmake --preset release && cmake --build --preset release"
done

not_had() {
    say "##########################################################################" >&2
    say "## COULD NOT INSTALL $1: its tests are SKIPPED, not passed." >&2
    say "##########################################################################" >&2
}

# As install_openclaw does it: whole or not at all, and no script of a package runs.
install_test_packages() {
    local folder=$1 fresh try
    [[ -d $folder/node_modules ]] && return 0
    mkdir -p "$(dirname "$folder")"
    fresh=$(mktemp -d "$folder.XXXXXX")
    cp "$here/package.json" "$here/package-lock.json" "$fresh/"
    for try in 1 2 3; do
        if (cd "$fresh" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
            mv -T "$fresh" "$folder" 2>/dev/null || rm -rf "$fresh"
            return 0
        fi
        sleep $((try * 5)) # a registry that is busy
    done
    rm -rf "$fresh"
    return 1
}

(install_packages "${run_packages[@]}" openssl) || fail 69 "curl, openssl and supervisor are needed"
if ! command -v chromium >/dev/null; then
    (install_packages chromium) || not_had "chromium"
fi
export CLAWGATE_E2E_CHROMIUM
CLAWGATE_E2E_CHROMIUM=$(command -v chromium || echo /usr/bin/chromium)

npm_dir="$(cache_dir)/npm"
CLAWGATE_E2E_PACKAGES="$npm_dir/e2e-$(sha256sum "$here/package-lock.json" | cut -c1-12)"
install_test_packages "$CLAWGATE_E2E_PACKAGES" || not_had "playwright-core, ws and the clients of the model API"
export CLAWGATE_E2E_PACKAGES

# The agents run as users of their own, and must be able to read OpenClaw: root's home is closed to them. Where
# quickstart.sh has installed it already it is not installed again.
export CLAWGATE_E2E_PREFIX=$npm_dir
if ((EUID == 0)); then
    mkdir -p "$npm_dir"
    if ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$npm_dir"; then
        CLAWGATE_E2E_PREFIX=/opt/clawgate-e2e
        mkdir -p "$CLAWGATE_E2E_PREFIX"
        for installed in /opt/clawgate/openclaw-*; do
            [[ -e $installed/node_modules ]] && ln -sfn "$installed" "$CLAWGATE_E2E_PREFIX/${installed##*/}"
        done
    fi
fi

# In a shell of its own, because it exits when it fails.
if openclaw_home=$(install_openclaw "$CLAWGATE_E2E_PREFIX" "$source_dir" >&2 && printf '%s' "$openclaw_home"); then
    export CLAWGATE_E2E_OPENCLAW=$openclaw_home
    node=$(openclaw_node "$openclaw_home")
else
    not_had "OpenClaw and Node 24"
    say "0 passed, 0 failed, 7 skipped"
    exit 0
fi

rm -rf "$here/output"
export CLAWGATE_BUILD_DIR=$build_dir
exec "$node" "$here/run.mjs" "$@"
