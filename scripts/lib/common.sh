# Functions shared by scripts/services and scripts/test. Sourced, never run.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# A number of seconds since some fixed moment; only differences mean something.
now() { printf '%s' "$SECONDS"; }

# port_in_use PORT: does something accept connections on this loopback port?
port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST COUNT: a port nobody listens on. Each service draws from its
# own range below the kernel's ephemeral range, so that two services which
# start at the same time never draw the same port.
free_port() {
  local first=$1 count=$2 port tries=0
  while [ "$tries" -lt 100 ]; do
    port=$((first + (RANDOM * 32768 + RANDOM) % count))
    if ! port_in_use "$port"; then printf '%s' "$port"; return 0; fi
    tries=$((tries + 1))
  done
  return 1
}

# poll SECONDS COMMAND…: run the command every 0.2 s until it succeeds.
poll() {
  local deadline=$((SECONDS + $1)); shift
  while ! "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

# start_time PID: when the process started, in the kernel's ticks. Together
# with the pid this names one process for good, pids alone are used again.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  stat=${stat##*) }
  set -- $stat
  [ "$1" != Z ] || return 1
  printf '%s' "${20}"
}

# remember_pid FILE PID: note a process we started.
remember_pid() { printf '%s %s\n' "$2" "$(start_time "$2")" >"$1"; }

# alive FILE: is the noted process still the one that runs under its pid?
alive() {
  local pid started
  [ -r "$1" ] || return 1
  read -r pid started <"$1" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid" || true)" = "$started" ]
}

noted_pid() { local pid _; read -r pid _ <"$1"; printf '%s' "$pid"; }

# stop_noted FILE SIGNAL SECONDS: stop exactly the noted process; if it does
# not end in time, kill it.
stop_noted() {
  if alive "$1"; then
    kill -"$2" "$(noted_pid "$1")" 2>/dev/null || true
    if ! poll "$3" not_alive "$1"; then
      say "process $(noted_pid "$1") did not end within $3 s, killing it"
      kill -KILL "$(noted_pid "$1")" 2>/dev/null || true
      poll 5 not_alive "$1" || true
    fi
  fi
  rm -f "$1"
}
not_alive() { ! alive "$1"; }

# export_line NAME VALUE: one line fit for eval.
export_line() { printf 'export %s=%q\n' "$1" "$2"; }
