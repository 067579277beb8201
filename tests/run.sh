#!/usr/bin/env bash
# Installs what is missing, builds, and runs all the tests. The last line is "N passed, N failed, N skipped".
set -uo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$source_dir" || exit 71
# shellcheck source=deploy/lib.sh
. deploy/lib.sh

usage() {
    cat <<'TEXT'
Usage: tests/run.sh [--quick] [--no-e2e] [--no-image] [--help]

Unit and component tests in a release build, with AddressSanitizer and UndefinedBehaviorSanitizer, and with
ThreadSanitizer.
Then the end-to-end tests with the release build, a real OpenClaw and Chromium, and the test of the container image.

  --quick     only the dev build's unit and component tests
  --no-e2e    without the end-to-end tests
  --no-image  without the image's test
  --help      this text

Exit status: 0 when nothing failed, 1 otherwise, 64 usage, 69 something cannot be installed.
TEXT
}

quick=0 e2e=1 image=1
for argument in "$@"; do
    case $argument in
    --quick) quick=1 ;;
    --no-e2e) e2e=0 ;;
    --no-image) image=0 ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && exit 64 ;;
    esac
done

passed=0 failed=0 skipped=0
problems=()
count() { passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3)); }
problem() {
    count 0 1 0
    problems+=("$1")
}
heading() { printf '\n== %s (%d:%02d)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

# The value of an attribute of the report's root element, which may span lines.
attribute() { # file, name
    local value
    value=$(tr '\n\t' '  ' <"$1" | grep -oE '<testsuite [^>]*>' | head -1 | grep -oE " $2=\"[0-9]+\"" | tr -dc '0-9')
    printf '%d' "${value:-0}"
}

# build_and_test PRESET [ctest arguments…]
build_and_test() {
    local preset=$1 report total broken left_out
    shift
    heading "$preset: build"
    configure_and_build "$preset" || {
        problem "$preset does not build"
        return
    }
    heading "$preset: tests"
    report="$source_dir/build/$preset/tests.xml"
    rm -f "$report"
    ctest --test-dir "build/$preset" -j "$(nproc)" --output-on-failure --timeout 600 --no-tests=error \
        --output-junit "$report" "$@" | grep -vE '^ *Start +[0-9]+:|^ *[0-9]+/[0-9]+ Test .* Passed '
    if [[ ! -s $report ]]; then
        problem "$preset: ctest left no report"
        return
    fi
    total=$(attribute "$report" tests)
    broken=$(attribute "$report" failures)
    left_out=$(($(attribute "$report" skipped) + $(attribute "$report" disabled)))
    ((total > 0)) || problem "$preset: no test ran"
    count $((total - broken - left_out)) "$broken" "$left_out"
    ((broken == 0)) || problems+=("$preset: $broken failed")
}

# run_script NAME SCRIPT: one that counts its own tests, and whose last line is "N passed, N failed, N skipped".
run_script() {
    heading "$1"
    local output status line
    output=$(mktemp)
    bash "$2" 2>&1 | tee "$output"
    status=${PIPESTATUS[0]}
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$output" | tail -1)
    rm -f "$output"
    if [[ -z $line ]]; then
        problem "$1: ended early (status $status)"
        return
    fi
    local p f s
    read -r p f s < <(tr -dc '0-9 \n' <<<"$line")
    count "$p" "$f" "$s"
    ((f == 0)) || problems+=("$1: $f failed")
    ((f > 0 || status == 0)) || problem "$1: ended with status $status"
}

install_packages "${build_packages[@]}"
use_compiler_cache "$source_dir"

# A report of a data race or an error must fail its test, with a stack that people can read.
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=second_deadlock_stack=1

if ((quick)); then
    build_and_test dev -L 'unit|component'
else
    # What is deployed is also what is tested first: a compiler's optimiser can break what a debug build does not show.
    # The dev build, which has warnings as errors, is for --quick.
    build_and_test release
    build_and_test asan -L 'unit|component'
    build_and_test tsan -L 'unit|component'
    if ((e2e)) && [[ -f tests/e2e/run.sh ]]; then
        install_packages "${run_packages[@]}"
        run_script "end to end" tests/e2e/run.sh
    fi
    ((!image)) || run_script "image" tests/image/run.sh
fi

printf '\n'
for line in "${problems[@]}"; do printf 'FAILED: %s\n' "$line"; done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0))
