#!/usr/bin/env bash
# The container's first program. It checks the settings, prepares the workspace, and then replaces itself by tini with
# an empty environment, so that nothing but the gateway's settings file (root, 0600) still holds the password: with
# `--user`, where everybody is the same user, each agent could otherwise read it in /proc/1/environ. Below tini it runs
# again, to start the pod, to show what matters in the container's log, and to stop the pod in order.
#
# Started with a command (`docker run … IMAGE clawgate check`) it runs that and nothing else.
#
# Exit status: 0 stopped in order, 71 a program cannot be started, 78 the configuration is wrong.
set -euo pipefail
umask 022

home=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.." && pwd)
clawgate=$home/bin/clawgate
# shellcheck source=deploy/lib.sh
. "$home/deploy/lib.sh"
# shellcheck source=deploy/pod.sh
. "$home/deploy/pod.sh"

# The value in effect of a variable, from what `clawgate check` printed.
effective() { sed -nE "s/^$1 = (.*) \((given|default)\)$/\1/p" <<<"$settings"; }

check_settings() {
    workspace=${CLAWGATE_WORKSPACE:-/workspace}
    require_password "docker run -e OPENCLAW_WEB_PASSWORD='choose a long one' …"
    # Warnings come again from `prepare`; mistakes are printed here, all of them.
    if ! settings=$(clawgate check 2>/dev/null); then
        clawgate check >/dev/null || exit
    fi
    workspace=$(realpath -m "$workspace")
    run_dir=$(default_run_dir "$workspace")
    demo=0
    [[ $(effective CLAWGATE_DEMO) != true ]] || demo=1
}

check_workspace() {
    { mkdir -p "$workspace" && [[ -w $workspace ]]; } 2>/dev/null && return
    fail 71 "$workspace cannot be written by user $EUID. Mount a folder or a volume that belongs to this user:
  chown $EUID /some/folder && docker run --user $EUID -v /some/folder:$workspace …"
}

# The image names a volume, so there is always one: without a name of its own nobody finds it again.
check_volume() {
    grep -qE "^[^ ]+ [^ ]+ [^ ]+ [^ ]*/volumes/[0-9a-f]{64}/_data $workspace " /proc/self/mountinfo || return 0
    say "warning: $workspace is a volume without a name: a new container begins with an empty one, and memories, sessions," >&2
    say "  settings and models are lost. Give it a name or a folder: docker run -v openclaw:$workspace …" >&2
}

prepare() {
    local openclaw
    openclaw=("$home"/openclaw-*)
    prepare_arguments=(--node "$(openclaw_node "${openclaw[0]}")"
        --openclaw "${openclaw[0]}/node_modules/openclaw/openclaw.mjs" --run-dir "$run_dir")
    choose_model_server "$(command -v ollama || true)" "$home/bin/fake_ollama"
    clawgate prepare "${prepare_arguments[@]}"
    link_supervisor_config
}

# supervisord's log and the gateway's without its line for each request, from here on, until `follower` is ended.
follow_logs() {
    local files=("$workspace/logs/supervisord.log" "$workspace/logs/gateway.log")
    touch "${files[@]}"
    tail -q -n 0 -s 0.5 -F "${files[@]}" 2>/dev/null \
        > >(grep --line-buffered -vE '^[^ ]+ access |"message":"access"') &
    follower=$!
    trap stop_following EXIT
}

stop_following() {
    [[ -n $follower ]] || return 0
    sleep 1 # the last lines
    kill "$follower" 2>/dev/null || true
    wait "$follower" 2>/dev/null || true
    follower=
}

run_pod() {
    follow_logs
    start_supervisord
    trap on_signal INT TERM
    trap 'control signal HUP gateway >/dev/null || true' HUP
    wait_until_ready
    ((stopping)) || check_isolation
    if ((!stopping)); then
        say "All agents are ready. Open in the browser / Todos os agentes estão prontos. Abra no navegador:"
        list_addresses
    fi
    wait_for_supervisord
    stop_following
    ((stopping)) || fail 71 "supervisord ended by itself ($status): see $workspace/logs/supervisord.log"
    say "Stopped"
}

if [[ ${1:-} == --prepared ]]; then
    workspace=$2 run_dir=$3
    run_pod
    exit 0
fi
if (($#)); then exec "$@"; fi

unset RUNPOD_API_KEY
trap 'exit 143' TERM INT # the first process of a container has no default action for signals
check_settings
check_workspace
check_volume
prepare
say ""
say "Addresses, when the agents are ready / Endereços, quando os agentes estiverem prontos:"
list_addresses
# -s: it reaps orphans also where it is not the first process (docker run --init).
exec "${empty_environment[@]}" tini -s -- "$home/deploy/entrypoint.sh" --prepared "$workspace" "$run_dir"
