#!/usr/bin/env bash
# The test of the container image: builds deploy/Dockerfile with buildah, on a Debian made by debootstrap and with a
# stand-in for Ollama (build/release/fake_ollama), and runs it with three real OpenClaw agents. No container engine is
# needed: chroot isolation shares the network and the process numbers of this machine.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(cd -- "$here/../.." && pwd)
# shellcheck source=../../deploy/lib.sh
source "$source_dir/deploy/lib.sh"

usage() {
    cat <<'END'
Usage: tests/image/run.sh [--build-only]

Last line: N passed, N failed, N skipped. Exit status: 0 when nothing failed. Needs root, and the release build.

  CLAWGATE_BUILD_DIR          where fake_ollama is (build/release)
  CLAWGATE_IMAGE_TEST_PORTS   first of 120 free ports (default: chosen)
  XDG_CACHE_HOME              layers of the image are kept below it (~/.cache)
END
}

build_only=0
for argument in "$@"; do
    case $argument in
    --build-only) build_only=1 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 64 ;;
    esac
done

skip() {
    say "##########################################################################" >&2
    say "## $1: the test of the image is SKIPPED, not passed." >&2
    say "##########################################################################" >&2
    say "0 passed, 0 failed, 1 skipped"
    exit 0
}

build_dir=${CLAWGATE_BUILD_DIR:-$source_dir/build/release}
[[ -x $build_dir/fake_ollama ]] || fail 66 "$build_dir/fake_ollama is missing: cmake --build --preset release"
((EUID == 0)) || skip "IT NEEDS ROOT"
(install_packages "${run_packages[@]}" buildah debootstrap) || skip "COULD NOT INSTALL buildah AND debootstrap"

images="$(cache_dir)/image"
temporary=$(mktemp -d /tmp/clawgate-image.XXXXXX)
chmod 711 "$temporary" # agents run as users of their own
started_at=$SECONDS

# Storage of its own, so that nothing of this machine's other images is touched. Without overlay every layer is a whole
# copy, and keeping them all would fill the disk.
layers=--layers
for driver in overlay vfs; do
    storage=(--root "$images/$driver" --runroot "$temporary/run" --storage-driver "$driver")
    ! buildah "${storage[@]}" images >/dev/null 2>&1 || break
done
[[ $driver == overlay ]] || layers=--layers=false
b() { nice -n 5 buildah "${storage[@]}" "$@"; }

clean_up() {
    local container
    for container in $(b containers -q 2>/dev/null); do
        b umount "$container" >/dev/null 2>&1 || true
        b rm "$container" >/dev/null 2>&1 || true
    done
    # The driver leaves its own folder mounted.
    umount "$images/$driver/$driver" 2>/dev/null || true
    rm -rf "$temporary"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

name=localhost/clawgate-test
has_image() { b inspect --type image "$1" >/dev/null 2>&1; }

drop_what_grew_too_large() {
    local gigabytes
    gigabytes=$(du -sx --block-size=1G "$images/$driver" 2>/dev/null | cut -f1)
    ((${gigabytes:-0} > 15)) || return 0
    say "The layers kept in $images take $gigabytes GB: they are made anew"
    b rmi --all --force >/dev/null 2>&1 || true
}

# Debian 12 as small as it is, from the mirror that this machine uses.
make_base() {
    has_image "$name/base" && return
    say "Making a Debian 12 to build on (once)"
    local container root mirror
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
        awk '$2 == "bookworm" { print $1; exit }')
    container=$(b from scratch)
    root=$(b mount "$container")
    debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} >"$temporary/debootstrap.log" 2>&1 || {
        tail -20 "$temporary/debootstrap.log" >&2
        return 1
    }
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    b umount "$container" >/dev/null
    b commit -q --rm "$container" "$name/base" >/dev/null
}

# The files have a date of their own: a layer is found again only while they are the same.
make_ollama() {
    local container root
    container=$(b from scratch)
    root=$(b mount "$container")
    install -D -m 755 "$here/ollama" "$root/usr/bin/ollama"
    install -D -s -m 755 "$build_dir/fake_ollama" "$root/usr/lib/ollama/fake_ollama"
    find "$root" -exec touch -h -d @0 {} +
    b umount "$container" >/dev/null
    b commit -q --rm "$container" "$name/ollama" >/dev/null
}

# How this machine reaches its mirrors and registries, for the time of the build only.
share_settings() {
    local file authority
    volumes=(--volume /etc/apt:/etc/apt:ro)
    for file in "$(npm config get globalconfig)" "$(npm config get userconfig)"; do
        [[ -f $file ]] && cat "$file" && echo
    done | grep -vE '^(cafile|nodedir|cache|prefix) *=' >"$temporary/npmrc" || true
    authority=$(npm config get cafile)
    if [[ -f $authority ]]; then
        echo 'cafile=/run/npm-authorities.pem' >>"$temporary/npmrc"
        volumes+=(--volume "$authority:/run/npm-authorities.pem:ro")
    fi
    mkdir -p "$(npm config get cache)"
    volumes+=(--volume "$temporary/npmrc:/root/.npmrc:ro" --volume "$(npm config get cache):/root/.npm")
    use_compiler_cache /src
    mkdir -p "$CCACHE_DIR"
    volumes+=(--volume "$CCACHE_DIR:/root/.cache/clawgate/ccache")
}

build_image() {
    b bud "$layers" --pull-never --isolation chroot --format docker "${volumes[@]}" \
        --build-arg "BASE_IMAGE=$name/base" --build-arg "OLLAMA_IMAGE=$name/ollama" \
        --build-arg VERSION=0.0.0-test --build-arg REVISION=0123456789abcdef \
        -f "$source_dir/deploy/Dockerfile" -t "$name/pod" "$source_dir" >"$temporary/build.log" 2>&1
}

mkdir -p "$images"
drop_what_grew_too_large
make_base || skip "COULD NOT MAKE A DEBIAN 12"
make_ollama
share_settings
say "Building the image (driver $driver)"
if ! build_image; then
    tail -60 "$temporary/build.log"
    if grep -qE 'could not be installed' "$temporary/build.log"; then skip "COULD NOT INSTALL THE IMAGE'S PACKAGES"; fi
    say "✖ Image.IsBuilt"
    say "0 passed, 1 failed, 0 skipped"
    exit 1
fi
say "The image is built ($((SECONDS - started_at)) s)"
((!build_only)) || exit 0

# The image brings the Node that the checks run with, and OpenClaw's `ws`.
tools=$(b from --name clawgate-test-tools "$name/pod")
root=$(b mount "$tools")
openclaw=("$root"/opt/clawgate/openclaw-*)
export CLAWGATE_E2E_PACKAGES=${openclaw[0]} CLAWGATE_IMAGE_ROOT=$root CLAWGATE_IMAGE_NAME=$name/pod
export CLAWGATE_IMAGE_TEMPORARY=$temporary CLAWGATE_IMAGE_BUILDAH="buildah ${storage[*]}"
"$(openclaw_node "${openclaw[0]}")" "$here/image.mjs"
