# A private PostgreSQL on a loopback port. Sourced by scripts/services.
# shellcheck shell=bash

# The server refuses to run as root, so then it runs as the packaged user.
pg_run() {
  if is_root; then runuser -u postgres -- "$@"; else "$@"; fi
}

pg_ready() { pg_run "$PG_BIN/pg_isready" -q -h 127.0.0.1 -p "$1"; }

postgres_start() {
  local dir=$STATE/postgres data port attempt
  PG_BIN=$(newest_pg_bin) || die "no PostgreSQL server below /usr/lib/postgresql"
  if alive "$dir/pid"; then return 0; fi
  postgres_stop
  mkdir -p "$dir"

  # The user postgres may not be able to enter the folders above ours.
  data=$dir/data
  mkdir -p "$data"
  if is_root; then
    chown postgres "$data"
    if ! (cd / && runuser -u postgres -- test -w "$data") 2>/dev/null; then
      rmdir "$data"
      data=$(mktemp -d "${TMPDIR:-/tmp}/encours-postgres.XXXXXXXX")
      chown postgres "$data"
    fi
  fi
  chmod 700 "$data"
  printf '%s\n' "$data" >"$dir/data-folder"

  (cd / && pg_run "$PG_BIN/initdb" -D "$data" -U postgres --auth=trust \
    --encoding=UTF8 --locale=C.UTF-8) >"$STATE/log/postgres-initdb.log" 2>&1 </dev/null || {
    tail -n 20 "$STATE/log/postgres-initdb.log" >&2
    die "initdb failed"
  }

  for attempt in 1 2 3; do
    port=$(free_port 20000 3000) || die "no free port for PostgreSQL"
    (cd / && pg_run setsid --fork "$PG_BIN/postgres" -D "$data" -p "$port" \
      -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 \
      9>&-) >"$STATE/log/postgres.log" 2>&1 </dev/null
    if poll 60 pg_ready "$port"; then
      remember_pid "$dir/pid" "$(head -n 1 "$data/postmaster.pid")"
      export_line ENCOURS_TEST_PG_URL "postgres://postgres@127.0.0.1:$port/postgres" >"$dir/env"
      return 0
    fi
    say "PostgreSQL did not start on port $port (attempt $attempt)"
    pg_run "$PG_BIN/pg_ctl" -D "$data" -m immediate stop >/dev/null 2>&1 || true
  done
  tail -n 20 "$STATE/log/postgres.log" >&2
  die "PostgreSQL does not start"
}

postgres_stop() {
  local dir=$STATE/postgres data pid
  # Started only halfway: the server's own pid file knows it.
  if [ ! -e "$dir/pid" ] && [ -r "$dir/data-folder" ]; then
    data=$(cat "$dir/data-folder")
    pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(readlink -f "$data")" ]; then
      remember_pid "$dir/pid" "$pid"
    fi
  fi
  stop_noted "$dir/pid" INT 30
  postgres_clean
}

postgres_clean() {
  local dir=$STATE/postgres data=""
  [ ! -r "$dir/data-folder" ] || data=$(cat "$dir/data-folder")
  if [ -n "$data" ] && { [ "$data" = "$dir/data" ] || [[ $data == */encours-postgres.???????? ]]; }; then
    rm -rf -- "$data"
  fi
  rm -rf -- "$dir"
}
