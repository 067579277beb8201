#!/usr/bin/env bash
# From a fresh clone on Debian 12 to running agents: installs what is missing, builds, prepares the workspace and runs
# everything under supervisord, in the foreground, until Ctrl-C. Running it again is cheap and changes nothing that
# is the user's.
set -euo pipefail
umask 022

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/lib.sh
. "$source_dir/deploy/lib.sh"
# shellcheck source=deploy/pod.sh
. "$source_dir/deploy/pod.sh"

usage() {
    cat <<'TEXT'
Usage: OPENCLAW_WEB_PASSWORD=… deploy/quickstart.sh [options]

  --workspace DIR  where everything that must survive is kept (default: $CLAWGATE_WORKSPACE, or /workspace)
  --prefix DIR     where OpenClaw and the built programs go (default: /opt/clawgate for root)
  --no-build       use build/release as it is
  --single-user    run every program as one user, even where root could give each its own
  --demo           use the bundled demo model even where an Ollama is installed; its answers are canned
  --detach         return when everything is ready, and leave it running
  --stop           stop what runs in this workspace
  --help           this text

The settings are environment variables: docs/configuration.md.
Exit status: 0 stopped in order, 64 usage, 69 something cannot be installed, 71 a program cannot be started,
75 it runs already with other settings, 78 the configuration is wrong.
TEXT
}

workspace=${CLAWGATE_WORKSPACE:-}
prefix=
build=1 demo=0 detach=0 stop=0 single_user=()
while (($#)); do
    case $1 in
    --workspace | --prefix)
        (($# > 1)) || fail 64 "$1 needs a folder"
        if [[ $1 == --workspace ]]; then workspace=$2; else prefix=$2; fi
        shift
        ;;
    --no-build) build=0 ;;
    --single-user) single_user=(--single-user) ;;
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
    run_dir=$(default_run_dir "$workspace")
    clawgate=$prefix/bin/clawgate
}

# What of the environment decides how it runs: kept while it runs, so that another start can tell whether it differs.
settings_given() { env | grep -E '^(OPENCLAW_|CLAWGATE_|OLLAMA_|LOG_LEVEL=|TZ=)' | sort; }
keep_settings() { (umask 077 && printf '%s\n' "$given" >"$run_dir/settings"); }

# It runs: say how, and that this start changes nothing.
describe_running() {
    local waiting
    if [[ -r $run_dir/settings ]] && [[ $given != "$(<"$run_dir/settings")" ]]; then
        say "It runs already in $workspace, with OTHER SETTINGS than the ones given now. To change them, stop it first:"
        say "  deploy/quickstart.sh --stop --workspace $workspace"
        say "  (Já está em execução, com OUTRAS configurações; pare primeiro com o comando acima.)"
        exit 75
    fi
    say "It runs already in $workspace:"
    mapfile -t waiting < <(agent_probes)
    mapfile -t waiting < <(not_ready "${waiting[@]}")
    ((${#waiting[@]} == 0)) || say "Not ready yet / Ainda não prontos: ${waiting[*]%% *}"
    print_addresses "$((${#waiting[@]} == 0))"
    exit 0
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

is_free_port() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# An Ollama that runs on its usual port is used as it is, unless another one was named.
use_running_ollama() {
    local port
    [[ -z ${CLAWGATE_OLLAMA_URL:-} ]] && answers_as_ollama http://127.0.0.1:11434 || return 1
    export CLAWGATE_OLLAMA_URL=http://127.0.0.1:11434
    if [[ -z ${OLLAMA_PORT:-} || $OLLAMA_PORT == 11434 ]]; then
        port=11435
        until is_free_port "$port"; do port=$((port + 1)); done
        export OLLAMA_PORT=$port
    fi
    say "Model server: the Ollama on 127.0.0.1:11434 is used as it is; the gateway's model port is $OLLAMA_PORT"
}

print_addresses() { # 1 when all are ready
    say ""
    if (($1)); then say "Ready. Open in the browser / Pronto. Abra no navegador:"; else say "Addresses / Endereços:"; fi
    say ""
    list_addresses
    say ""
    say "Password / Senha:  the value of OPENCLAW_WEB_PASSWORD / o valor de OPENCLAW_WEB_PASSWORD"
    say "Logs:              $workspace/logs/"
    say "Status:            supervisorctl -c $run_dir/supervisord.conf status"
    if ((detach)); then say "Stop / Parar:      deploy/quickstart.sh --stop --workspace $workspace"; else say "Stop / Parar:      Ctrl-C"; fi
}

choose_folders
given=$(settings_given) # before this script adds its own
if ((stop)); then
    is_running || fail 0 "Nothing runs in $workspace"
    stop_programs
    say "Stopped"
    exit 0
fi
if command -v supervisorctl >/dev/null && is_running; then
    describe_running
fi
require_password "OPENCLAW_WEB_PASSWORD='choose a long one' deploy/quickstart.sh"
install_programs
prepare_arguments=(--node "$(openclaw_node "$openclaw_home")"
    --openclaw "$openclaw_home/node_modules/openclaw/openclaw.mjs" --run-dir "$run_dir")
if ((demo)) || ! use_running_ollama; then
    choose_model_server "$(command -v ollama || true)" "$prefix/bin/fake_ollama"
fi
"$clawgate" prepare "${prepare_arguments[@]}" "${single_user[@]}"
keep_settings
link_supervisor_config
start_supervisord
trap on_signal INT TERM HUP
wait_until_ready
((stopping)) || check_isolation
((stopping)) || print_addresses 1
if ((detach)) && ((!stopping)); then
    disown "$supervisor"
    exit 0
fi
wait_for_supervisord
if ((stopping)); then
    say "Stopped"
    exit 0
fi
fail 71 "supervisord ended by itself ($status): see $workspace/logs/supervisord.log"
