#!/usr/bin/env bash
# From a fresh clone on Debian 12 to running agents: installs what is missing, builds, prepares the workspace and runs
# everything under supervisord, in the foreground, until Ctrl-C. Running it again is cheap and changes nothing that
# is the user's.
set -euo pipefail
umask 022

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib.sh
. "$source_dir/deploy/lib.sh"

usage() {
    cat <<'TEXT'
Usage: OPENCLAW_WEB_PASSWORD=… deploy/quickstart.sh [options]

  --workspace DIR  where everything that must survive is kept (default: $CLAWGATE_WORKSPACE, or /workspace)
  --prefix DIR     where OpenClaw and the built programs go (default: /opt/clawgate for root)
  --no-build       use build/release as it is
  --demo           use the bundled demo model even where an Ollama is installed; its answers are canned
  --detach         return when everything is ready, and leave it running
  --stop           stop what runs in this workspace
  --help           this text

The settings are environment variables: docs/configuration.md.
Exit status: 0 stopped in order, 64 usage, 69 something cannot be installed, 71 a program cannot be started,
78 the configuration is wrong.
TEXT
}

workspace=${CLAWGATE_WORKSPACE:-}
prefix=
build=1 demo=0 detach=0 stop=0
while (($#)); do
    case $1 in
    --workspace | --prefix)
        (($# > 1)) || fail 64 "$1 needs a folder"
        if [[ $1 == --workspace ]]; then workspace=$2; else prefix=$2; fi
        shift
        ;;
    --no-build) build=0 ;;
    --demo) demo=1 ;;
    --detach) detach=1 ;;
    --stop) stop=1 ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && exit 64 ;;
    esac
    shift
done

choose_folders() {
    if [[ -z $workspace ]]; then
        workspace=/workspace
        if ! { mkdir -p "$workspace" && [[ -w $workspace ]]; } 2>/dev/null; then
            workspace="${HOME:?}/clawgate-workspace"
            say "/workspace cannot be written; using $workspace instead"
        fi
    fi
    workspace=$(realpath -m "$workspace")
    export CLAWGATE_WORKSPACE=$workspace
    if [[ -z $prefix ]]; then
        # Not below root's home: the agents' users could not read it there.
        if ((EUID == 0)); then prefix=/opt/clawgate; else prefix="${XDG_DATA_HOME:-${HOME:?}/.local/share}/clawgate"; fi
    fi
    prefix=$(realpath -m "$prefix")
    # The same rule as default_run_dir() in gateway/pod/layout.cpp.
    run_dir=/run/clawgate
    if ((EUID != 0)); then
        if [[ -w /run/user/$EUID ]]; then run_dir=/run/user/$EUID/clawgate; else run_dir=/tmp/clawgate-$EUID; fi
    fi
    [[ $workspace == /workspace ]] || run_dir+=${workspace//\//-}
}

control() { supervisorctl -c "$run_dir/supervisord.conf" "$@"; }
is_running() { [[ -S $run_dir/supervisor/supervisor.sock ]] && control pid >/dev/null 2>&1; }

# The gateway first, so that it can say goodbye to the browsers; then the rest at once rather than one by one. The
# program `snapshots`, where there is one, waits by itself until the agents have ended.
stop_programs() {
    control stop gateway >/dev/null 2>&1 || true
    control stop all >/dev/null 2>&1 || true
    control shutdown >/dev/null 2>&1 || true
    rm -f "$run_dir/gateway.env" # the password is in it; the next start makes it anew
}

require_password() {
    [[ -n ${OPENCLAW_WEB_PASSWORD:-} || -n ${CLAWGATE_PASSWORD_HASH:-} ]] && return
    local file=${CLAWGATE_ENV_FILE:-$workspace/.clawgate/env}
    grep -Eqs '^[[:space:]]*(export[[:space:]]+)?(OPENCLAW_WEB_PASSWORD|CLAWGATE_PASSWORD_HASH)=.' "$file" && return
    fail 78 "OPENCLAW_WEB_PASSWORD is not set: it is the password of the dashboards, and there is no default. Run:
  OPENCLAW_WEB_PASSWORD='choose a long one' deploy/quickstart.sh
(OPENCLAW_WEB_PASSWORD não está definida: é a senha dos painéis, e não há valor padrão.)"
}

install_programs() {
    if ((build)); then
        install_packages "${build_packages[@]}" "${run_packages[@]}"
        use_compiler_cache "$source_dir"
        say "Building (some minutes the first time)"
        (cd "$source_dir" && configure_and_build release clawgate fake_ollama fake_agent) ||
            fail 71 "The build failed: see above"
    else
        install_packages "${run_packages[@]}"
    fi
    [[ -x $source_dir/build/release/clawgate ]] ||
        fail 71 "$source_dir/build/release/clawgate is not there: run without --no-build"
    mkdir -p "$prefix/bin"
    local program
    for program in clawgate fake_ollama; do
        [[ -x $source_dir/build/release/$program ]] || continue
        # A new file and a rename: a running program cannot be written over.
        install -m 755 "$source_dir/build/release/$program" "$prefix/bin/$program.new"
        mv -f "$prefix/bin/$program.new" "$prefix/bin/$program"
    done
    install_openclaw "$prefix" "$source_dir"
}

answers_as_ollama() { curl -fsS --max-time 3 -o /dev/null "$1/api/version" 2>/dev/null; }

is_free_port() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Fills prepare_arguments, and the environment where the model server decides it.
choose_model_server() {
    local url=${CLAWGATE_OLLAMA_URL:-http://127.0.0.1:11430} port
    if ((!demo)); then
        if [[ -n ${CLAWGATE_OLLAMA_URL:-} ]] && answers_as_ollama "$url"; then
            say "Model server: $url (runs already)"
            return
        fi
        if [[ -z ${CLAWGATE_OLLAMA_URL:-} ]] && answers_as_ollama http://127.0.0.1:11434; then
            export CLAWGATE_OLLAMA_URL=http://127.0.0.1:11434
            if [[ -z ${OLLAMA_PORT:-} || $OLLAMA_PORT == 11434 ]]; then
                port=11435
                until is_free_port "$port"; do port=$((port + 1)); done
                export OLLAMA_PORT=$port
            fi
            say "Model server: the Ollama on 127.0.0.1:11434 is used as it is; the gateway's model port is $OLLAMA_PORT"
            return
        fi
        if command -v ollama >/dev/null; then
            say "Model server: $(command -v ollama), supervised"
            prepare_arguments+=(--ollama "$(command -v ollama)")
            return
        fi
        if [[ -n ${CLAWGATE_OLLAMA_URL:-} && ! $url =~ ^http://(127\.|localhost|\[::1\]) ]]; then
            say "Model server: $url (does not answer yet)"
            return
        fi
        say "Model server: no Ollama found, so the DEMO MODEL is used: its answers are canned. Install Ollama for real ones."
        say "  (Nenhum Ollama encontrado: usando o MODELO DE DEMONSTRAÇÃO, com respostas prontas.)"
    else
        say "Model server: the DEMO MODEL; its answers are canned"
    fi
    [[ -x $prefix/bin/fake_ollama ]] || fail 71 "The demo model was not built: run without --no-build"
    prepare_arguments+=(--demo --ollama "$prefix/bin/fake_ollama")
}

# `supervisorctl status` without -c finds this one; another configuration that is already there stays.
link_supervisor_config() {
    ((EUID == 0)) && [[ $workspace == /workspace ]] || return 0
    if [[ ! -e /etc/supervisord.conf || $(readlink /etc/supervisord.conf) == /run/clawgate* ]]; then
        ln -sfn "$run_dir/supervisord.conf" /etc/supervisord.conf || true
    fi
}

wait_until_ready() {
    local name probe address waiting=() ready=() begin=$SECONDS told=$SECONDS
    while IFS=$'\t' read -r name probe address; do
        [[ $name == control ]] || waiting+=("$name $probe")
    done <"$run_dir/addresses"
    while ((${#waiting[@]} && !stopping)); do
        kill -0 "$supervisor" 2>/dev/null || ((stopping)) || fail 71 "supervisord ended: see $workspace/logs/supervisord.log"
        ready=()
        local still=() entry
        for entry in "${waiting[@]}"; do
            if curl -fsk --max-time 3 -o /dev/null "${entry#* }/_gateway/readyz" 2>/dev/null; then
                ready+=("${entry% *}")
            else
                still+=("$entry")
            fi
        done
        for name in "${ready[@]}"; do say "  $name is ready ($((SECONDS - begin)) s)"; done
        waiting=("${still[@]}")
        if ((${#waiting[@]})) && ((SECONDS - told >= 10)); then
            told=$SECONDS
            say "  starting: ${waiting[*]%% *} ($((SECONDS - begin)) s)"
            # Long after it should be up, say where to look, and go on waiting.
            ((SECONDS - begin < 120)) || control status || true
        fi
        ((${#waiting[@]} == 0)) || sleep 1 || true # Ctrl-C ends it with a status
    done
}

print_addresses() {
    local name probe address
    say ""
    say "Ready. Open in the browser / Pronto. Abra no navegador:"
    say ""
    while IFS=$'\t' read -r name probe address; do
        [[ $name == control ]] && name="all agents / todos os agentes"
        printf '  %-12s %s\n' "$name" "$address"
    done <"$run_dir/addresses"
    say ""
    say "Password / Senha:  the value of OPENCLAW_WEB_PASSWORD / o valor de OPENCLAW_WEB_PASSWORD"
    say "Logs:              $workspace/logs/"
    say "Status:            supervisorctl -c $run_dir/supervisord.conf status"
    if ((detach)); then say "Stop / Parar:      deploy/quickstart.sh --stop --workspace $workspace"; else say "Stop / Parar:      Ctrl-C"; fi
}

on_signal() {
    trap '' INT TERM HUP # it is under way; a second Ctrl-C must not cut it short
    stopping=1
    say ""
    say "Stopping … / Parando …"
    stop_programs
}

start() {
    # setsid: Ctrl-C reaches this script, which then stops the programs in their order. env -i: what supervisord does
    # not have, no program can get from it.
    setsid env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        supervisord --nodaemon -c "$run_dir/supervisord.conf" </dev/null >"$run_dir/supervisord.out" 2>&1 &
    supervisor=$!
    stopping=0
    trap on_signal INT TERM HUP
}

choose_folders
if ((stop)); then
    is_running || fail 0 "Nothing runs in $workspace"
    stop_programs
    say "Stopped"
    exit 0
fi
if command -v supervisorctl >/dev/null && is_running; then
    say "It runs already in $workspace:"
    print_addresses
    exit 0
fi
require_password
install_programs
prepare_arguments=(--node "$(openclaw_node "$openclaw_home")"
    --openclaw "$openclaw_home/node_modules/openclaw/openclaw.mjs" --run-dir "$run_dir")
choose_model_server
"$prefix/bin/clawgate" prepare "${prepare_arguments[@]}"
link_supervisor_config
start
wait_until_ready
((stopping)) || print_addresses
if ((detach)) && ((!stopping)); then
    disown "$supervisor"
    exit 0
fi
# A signal interrupts `wait`; the second one returns when supervisord has ended.
status=0
wait "$supervisor" || status=$?
if ((stopping)); then
    wait "$supervisor" 2>/dev/null || true
    say "Stopped"
    exit 0
fi
fail 71 "supervisord ended by itself ($status): see $workspace/logs/supervisord.log"
