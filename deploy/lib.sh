# Shared by deploy/quickstart.sh, deploy/Dockerfile, deploy/entrypoint.sh and tests/run.sh; to be sourced by bash. Needs
# nothing but Debian's base system.

# What a build needs.
build_packages=(
    g++ cmake ninja-build ccache pkg-config
    libboost1.81-dev libboost-url1.81-dev libssl-dev libsodium-dev
    nlohmann-json3-dev libspdlog-dev libcli11-dev libgtest-dev libgmock-dev
    libsqlite3-dev libarchive-dev
)
# What a running pod needs, on a machine or in an image.
pod_packages=(supervisor curl ca-certificates util-linux procps nftables)
# The same and what installs OpenClaw. npm is asked for only where there is none: Debian's brings hundreds of packages.
run_packages=("${pod_packages[@]}")
command -v npm >/dev/null || run_packages+=(npm)
# What an image has besides: its first process, the libraries that the built programs and Ollama's
# link to, and what agents call when they work.
image_packages=(
    "${pod_packages[@]}" tini
    libboost-url1.81.0 libsodium23 libspdlog1.10 libssl3 libsqlite3-0 libarchive13 libgomp1
    git openssh-client python3 python3-pip python3-venv jq ripgrep less xz-utils unzip
)

say() { printf '%s\n' "$*"; }
fail() { # status, text
    printf '%s\n' "$2" >&2
    exit "$1"
}

# Installs those of the named Debian packages that are missing.
install_packages() {
    local missing=() package try
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    ((${#missing[@]} == 0)) && return 0
    if ((EUID != 0)); then
        fail 69 "Not installed: ${missing[*]}. Install them as root: apt-get install ${missing[*]}"
    fi
    say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    for try in 1 2 3; do
        if DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null; then
            return 0
        fi
        say "apt-get failed (attempt $try of 3)" >&2
        sleep $((try * 5)) # a mirror or a lock that is busy
    done
    fail 69 "These Debian packages could not be installed: ${missing[*]}"
}

cache_dir() { printf '%s/clawgate' "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}"; }

use_compiler_cache() { # source folder
    export CCACHE_DIR="${CCACHE_DIR:-$(cache_dir)/ccache}" CCACHE_BASEDIR="$1" CCACHE_NOHASHDIR=1
    export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-3G}"
}

# As many compilers as there are cores, but none without 1.5 GB of memory: one file takes about as much.
build_jobs() {
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo)
    ((memory < 1)) && memory=1
    printf '%d' $((cores < memory ? cores : memory))
}

# configure_and_build PRESET [TARGET…]
configure_and_build() {
    local preset=$1 targets=()
    shift
    (($#)) && targets=(--target "$@")
    cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" -j "$(build_jobs)" "${targets[@]}"
}

# Node 24 and OpenClaw, exactly as locked in deploy/openclaw, below $1; sets openclaw_home to the folder. npm runs no
# script of any package (npm 11 refuses to, older ones would run them all with the wrong Node). A folder appears whole
# or not at all, so an interrupted run leaves nothing half-made.
install_openclaw() { # folder, source folder
    local lock="$2/deploy/openclaw/package-lock.json" fresh try
    openclaw_home="$1/openclaw-$(sha256sum "$lock" | cut -c1-12)"
    [[ -e $openclaw_home/node_modules/openclaw/openclaw.mjs ]] && return 0
    say "Installing OpenClaw (about 800 MB on disk, once)"
    mkdir -p "$1"
    fresh=$(mktemp -d "$1/openclaw-new.XXXXXX")
    chmod 755 "$fresh"
    cp "$2/deploy/openclaw/package.json" "$lock" "$fresh/"
    for try in 1 2 3; do
        if (cd "$fresh" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) && finish_openclaw "$fresh"; then
            mv -T "$fresh" "$openclaw_home" 2>/dev/null || rm -rf "$fresh" # another run was faster
            return 0
        fi
        say "npm failed (attempt $try of 3)" >&2
        sleep $((try * 5))
    done
    rm -rf "$fresh"
    fail 69 "OpenClaw could not be installed: see npm's messages above"
}

# OpenClaw completes its own installation when it is first called; until then it refuses to run as a user that may not
# write into its folder, as the agents may not.
finish_openclaw() { # folder
    local node
    node=$(openclaw_node "$1")
    env -i HOME="$1" PATH="$(dirname "$node"):/usr/bin:/bin" "$node" "$1/node_modules/openclaw/openclaw.mjs" --version &&
        [[ ! -e $1/node_modules/openclaw/.openclaw-lifecycle-pending ]]
}

openclaw_node() { # folder made by install_openclaw
    local arch
    case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) fail 69 "There is no Node for the processor $(uname -m)" ;;
    esac
    printf '%s/node_modules/node-linux-%s/bin/node' "$1" "$arch"
}
