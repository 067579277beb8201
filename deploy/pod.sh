# How a prepared pod is started, watched and stopped: shared by deploy/quickstart.sh and deploy/entrypoint.sh, to be
# sourced by bash after deploy/lib.sh. Needs $workspace, $run_dir and $clawgate, the program.

# The programs get nothing from the environment of whoever starts them.
empty_environment=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)

# The same rule as default_run_dir() in gateway/pod/layout.cpp.
default_run_dir() { # workspace
    local folder=/run/clawgate
    if ((EUID != 0)); then
        if [[ -w /run/user/$EUID ]]; then folder=/run/user/$EUID/clawgate; else folder=/tmp/clawgate-$EUID; fi
    fi
    [[ $1 == /workspace ]] || folder+=${1//\//-}
    printf '%s' "$folder"
}

control() { supervisorctl -c "$run_dir/supervisord.conf" "$@"; }
is_running() { [[ -S $run_dir/supervisor/supervisor.sock ]] && control pid >/dev/null 2>&1; }

require_password() { # how to give it, in one command
    [[ -n ${OPENCLAW_WEB_PASSWORD:-} || -n ${CLAWGATE_PASSWORD_HASH:-} ]] && return
    local file=${CLAWGATE_ENV_FILE:-$workspace/.clawgate/env}
    grep -Eqs '^[[:space:]]*(export[[:space:]]+)?(OPENCLAW_WEB_PASSWORD|CLAWGATE_PASSWORD_HASH)=.' "$file" && return
    fail 78 "OPENCLAW_WEB_PASSWORD is not set: it is the password of the dashboards, and there is no default. Run:
  $1
(OPENCLAW_WEB_PASSWORD não está definida: é a senha dos painéis, e não há valor padrão.)"
}

answers_as_ollama() { curl -fsS --max-time 3 -o /dev/null "$1/api/version" 2>/dev/null; }

# Adds to prepare_arguments what serves the model. Of the two programs either may be missing; $demo is 1 where the demo
# model is wanted in any case.
choose_model_server() { # Ollama, the demo model
    local url=${CLAWGATE_OLLAMA_URL:-}
    if ((demo)); then
        say "Model server: the DEMO MODEL; its answers are canned"
    elif [[ -n $url && ! $url =~ ^http://(127\.|localhost|\[::1\]) ]]; then
        say "Model server: $url$(answers_as_ollama "$url" || printf ' (does not answer yet)')"
        return
    elif [[ -n $url ]] && answers_as_ollama "$url"; then
        say "Model server: $url (runs already)"
        return
    elif [[ -x $1 ]]; then
        say "Model server: $1, supervised"
        prepare_arguments+=(--ollama "$1")
        return
    else
        say "Model server: no Ollama found, so the DEMO MODEL is used: its answers are canned. Install Ollama for real ones."
        say "  (Nenhum Ollama encontrado: usando o MODELO DE DEMONSTRAÇÃO, com respostas prontas.)"
    fi
    [[ -x $2 ]] || fail 71 "The demo model is not there: $2"
    prepare_arguments+=(--demo --ollama "$2")
}

# `supervisorctl status` without -c finds this one; another configuration that is already there stays.
link_supervisor_config() {
    ((EUID == 0)) && [[ $workspace == /workspace ]] || return 0
    if [[ ! -e /etc/supervisord.conf || $(readlink /etc/supervisord.conf) == /run/clawgate* ]]; then
        ln -sfn "$run_dir/supervisord.conf" /etc/supervisord.conf || true
    fi
}

# Sets supervisor to its process id. setsid: Ctrl-C reaches the calling script only, which then stops the programs in
# their order.
start_supervisord() {
    gateway_starts=$(grep -c "spawned: 'gateway'" "$workspace/logs/supervisord.log" 2>/dev/null || true)
    setsid "${empty_environment[@]}" supervisord --nodaemon -c "$run_dir/supervisord.conf" \
        </dev/null >"$run_dir/supervisord.out" 2>&1 &
    supervisor=$!
    stopping=0
}

# False once supervisord has begun the gateway several times: what is wrong does not go away by itself.
gateway_is_up() {
    local tries
    tries=$(grep -c "spawned: 'gateway'" "$workspace/logs/supervisord.log" 2>/dev/null || true)
    ((${tries:-0} - ${gateway_starts:-0} < 4)) || [[ $(control status gateway 2>/dev/null) == *RUNNING* ]]
}

fail_with_gateway() {
    say "The gateway does not start. Its log ($workspace/logs/gateway.log) ends with:" >&2
    tail -n 5 "$workspace/logs/gateway.log" >&2 || true
    stop_programs
    fail 71 "The gateway does not start: see above"
}

# Prints what of "NAME PROBE" … is not ready.
not_ready() {
    local entry
    for entry in "$@"; do
        curl -fsk --max-time 3 -o /dev/null "${entry#* }/_gateway/readyz" 2>/dev/null || printf '%s\n' "$entry"
    done
}

# "NAME PROBE" of every agent that is started.
agent_probes() {
    local name probe address
    while IFS=$'\t' read -r name probe address; do
        if [[ $name == control ]]; then continue; fi
        if grep -qsxF "$name" "$run_dir/left_out"; then say "  $name is NOT started: see the warnings above" >&2; continue; fi
        printf '%s\n' "$name $probe"
    done <"$run_dir/addresses"
}

# Returns when every agent is ready, or when `stopping` is set meanwhile. Says how far it is.
wait_until_ready() {
    local entry waiting=() still=() begin=$SECONDS told=$SECONDS
    mapfile -t waiting < <(agent_probes)
    while ((${#waiting[@]} && !stopping)); do
        kill -0 "$supervisor" 2>/dev/null || ((stopping)) || fail 71 "supervisord ended: see $workspace/logs/supervisord.log"
        mapfile -t still < <(not_ready "${waiting[@]}")
        for entry in "${waiting[@]}"; do
            [[ " ${still[*]} " == *" $entry "* ]] || say "  ${entry% *} is ready ($((SECONDS - begin)) s)"
        done
        waiting=("${still[@]}")
        if ((${#waiting[@]})) && ((SECONDS - told >= 10)); then
            told=$SECONDS
            say "  starting: ${waiting[*]%% *} ($((SECONDS - begin)) s)"
            gateway_is_up || fail_with_gateway
            # Long after it should be up, say where to look, and go on waiting.
            ((SECONDS - begin < 120)) || control status || true
        fi
        ((${#waiting[@]} == 0)) || sleep 1 || true # Ctrl-C ends it with a status
    done
}

# What could an agent do to the others? Tried once, when all are ready; the whole report is in the logs.
check_isolation() {
    local report="$workspace/logs/isolation.log" status=0
    "${empty_environment[@]}" CLAWGATE_WORKSPACE="$workspace" "$clawgate" doctor --isolation --as all --run-dir "$run_dir" \
        >"$report" 2>&1 || status=$?
    case $status in
    0) say "  isolation: $(grep -c '^  refused' "$report") attempts of the agents against each other, all refused" ;;
    1)
        say "warning: the agents are not wholly kept apart (see $report):" >&2
        grep -E '^(As |  POSSIBLE)' "$report" >&2
        ;;
    75)
        say "warning: nothing was possible, but not everything could be tested that keeps the agents apart (see $report):" >&2
        grep -E '^(As |  UNTESTED)' "$report" >&2
        ;;
    *) say "warning: the isolation could not be tested: $(tail -1 "$report")" >&2 ;;
    esac
}

list_addresses() {
    local name probe address
    while IFS=$'\t' read -r name probe address; do
        [[ $name == control ]] && name="all agents / todos os agentes"
        printf '  %-12s %s\n' "$name" "$address"
    done <"$run_dir/addresses"
}

# What left its process group supervisord does not reach. Its own child processes have ended, or it is told to end now.
sweep_agents() {
    local uid group program try
    [[ -s $run_dir/agent_users ]] || return 0
    for ((try = 0; try < 150; try++)); do
        is_running || break
        sleep 0.1 || true
    done
    while read -r uid group program; do
        "${empty_environment[@]}" "$program" sweep "$uid" "$group" || true
    done <"$run_dir/agent_users"
}

# The gateway first, so that it can say goodbye to the browsers; then the rest at once rather than one by one. The
# program `snapshots`, where there is one, waits by itself until the agents have ended.
stop_programs() {
    local name
    control stop gateway >/dev/null 2>&1 || true
    control stop all >/dev/null 2>&1 || true
    control shutdown >/dev/null 2>&1 || true
    # Whoever stops it while it starts finds no socket yet.
    [[ -z ${supervisor:-} ]] || kill -TERM "$supervisor" 2>/dev/null || true
    sweep_agents
    rm -f "$run_dir/gateway.env" "$run_dir/settings" # the password is in them; the next start makes them anew
    if name=$(cat "$run_dir/kernel_name" 2>/dev/null); then
        nft delete table inet "$name" 2>/dev/null || true
        rmdir /sys/fs/cgroup{,/memory,/pids}/"$name"-* 2>/dev/null || true
    fi
}

# To be trapped: stops everything in order. What waits for $supervisor goes on when it has ended.
on_signal() {
    trap '' INT TERM HUP # it is under way; a second Ctrl-C must not cut it short
    stopping=1
    say ""
    say "Stopping … / Parando …"
    stop_programs
}

# Returns when supervisord has ended and sets status to how; a signal only interrupts `wait`.
wait_for_supervisord() {
    while :; do
        status=0
        wait "$supervisor" || status=$?
        kill -0 "$supervisor" 2>/dev/null || break
    done
}
