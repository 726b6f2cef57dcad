# A private Tryton 8.2 on SQLite, filled with invented data.
# Sourced by scripts/services.
#
# Installing and filling take about a minute, so both are kept next to the
# state folder and used again as long as what they are made from is the same:
#   tryton-venv/                   the Python packages
#   tryton-template/KEY.sqlite     the filled database
# Every start copies the template, so every start begins with the same data.
# shellcheck shell=bash

TRYTON_DB=encours
TRYTON_SPARES='encours_1 encours_2 encours_3 encours_4'
TRYTON_USER=connecteur
TRYTON_PASSWORD=essai-du-connecteur-2026

tryton_prepare() {
  # Several state folders may share one cache.
  exec 8>"$CACHE/tryton.lock"
  flock -w 900 8 || die "another scripts/services prepares Tryton for more than 15 minutes"
  tryton_prepare_locked
  exec 8>&-
}

tryton_prepare_locked() {
  local support=$ROOT/tests/support/tryton
  VENV=$CACHE/tryton-venv
  local python_version key
  python_version=$(python3 -c 'import sys; print(sys.version)') || die "python3 does not run"
  key=$( (printf '%s\n' "$python_version"; cat "$support/requirements.txt") | sha256sum | cut -c1-16)
  if [ "$(cat "$VENV/encours-key" 2>/dev/null)" != "$key" ] || ! "$VENV/bin/python" -c 'import trytond, proteus' 2>/dev/null; then
    say "tryton: installing the packages of tests/support/tryton/requirements.txt (about 20 s, once)"
    rm -rf -- "$VENV"
    python3 -m venv "$VENV" >"$STATE/log/tryton-install.log" 2>&1 </dev/null || die "python3 -m venv failed, see $STATE/log/tryton-install.log"
    "$VENV/bin/python" -m pip install --no-input --disable-pip-version-check --retries 5 \
      -r "$support/requirements.txt" >>"$STATE/log/tryton-install.log" 2>&1 </dev/null 8>&- 9>&- || {
      tail -n 20 "$STATE/log/tryton-install.log" >&2
      die "pip could not install Tryton"
    }
    printf '%s\n' "$key" >"$VENV/encours-key"
  fi

  key=$( (printf '%s\n' "$key" "$TRYTON_USER" "$TRYTON_PASSWORD"; cat "$support/modules.txt" "$support/seed.py") | sha256sum | cut -c1-16)
  TEMPLATE=$CACHE/tryton-template/$key.sqlite
  [ ! -s "$TEMPLATE" ] || return 0

  say "tryton: creating and filling the database (one to three minutes, once)"
  local build=$CACHE/tryton-template/build began=$SECONDS
  rm -rf -- "$CACHE/tryton-template"
  mkdir -p "$build"
  tryton_conf "$build" 1 >"$build/trytond.conf"
  : >"$build/$TRYTON_DB.sqlite"
  printf '%s' "$TRYTON_PASSWORD" >"$build/password"
  (
    export TRYTONPASSFILE=$build/password PYTHONDONTWRITEBYTECODE=
    # shellcheck disable=SC2046
    "$VENV/bin/python" -m trytond.cli.admin -c "$build/trytond.conf" -d "$TRYTON_DB" \
      --email admin@encours.invalid -l fr -v --activate-dependencies \
      -u $(cat "$support/modules.txt")
  ) >"$STATE/log/tryton-create.log" 2>&1 </dev/null 8>&- 9>&- || {
    tail -n 30 "$STATE/log/tryton-create.log" >&2
    die "the Tryton database could not be created (whole output: $STATE/log/tryton-create.log)"
  }
  say "tryton: database created after $((SECONDS - began)) s, filling it"
  ENCOURS_TEST_TRYTON_CONF=$build/trytond.conf ENCOURS_TEST_TRYTON_DB=$TRYTON_DB \
  ENCOURS_TEST_TRYTON_USER=$TRYTON_USER ENCOURS_TEST_TRYTON_PASSWORD=$TRYTON_PASSWORD \
    "$VENV/bin/python" "$support/seed.py" >"$STATE/log/tryton-seed.log" 2>&1 </dev/null 8>&- 9>&- || {
    tail -n 30 "$STATE/log/tryton-seed.log" >&2
    die "the Tryton database could not be filled (whole output: $STATE/log/tryton-seed.log)"
  }
  # One file without a write-ahead log beside it, so that copying it is enough.
  "$VENV/bin/python" - "$build/$TRYTON_DB.sqlite" "$build/template.sqlite" <<'PYTHON'
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute('VACUUM INTO ?', (sys.argv[2],))
PYTHON
  mv "$build/template.sqlite" "$TEMPLATE"
  rm -rf -- "$build"
  say "tryton: database ready after $((SECONDS - began)) s"
}

# tryton_conf FOLDER PORT
tryton_conf() {
  cat <<CONF
[database]
uri = sqlite://
path = $1

[web]
listen = 127.0.0.1:$2

[session]
authentications = password
# Tests try wrong passwords; the default of five would lock the user out for all.
max_attempt = 1000
max_attempt_ip_network = 10000
CONF
}

tryton_ready() {
  "$VENV/bin/python" - "http://127.0.0.1:$1/$TRYTON_DB/rpc/" "$TRYTON_USER" "$TRYTON_PASSWORD" <<'PYTHON'
import json, sys, urllib.request
url, user, password = sys.argv[1:]
body = json.dumps({
    'id': 1, 'method': 'common.db.login',
    'params': [user, {'password': password}, 'en']}).encode()
request = urllib.request.Request(
    url, body, {'Content-Type': 'application/json'})
with urllib.request.urlopen(request, timeout=60) as answer:
    assert json.load(answer)['result'], 'login refused'
PYTHON
}

tryton_start() {
  local dir=$STATE/tryton port name
  if alive "$dir/pid"; then return 0; fi
  tryton_stop
  tryton_prepare
  mkdir -p "$dir/databases"
  for name in "$TRYTON_DB" $TRYTON_SPARES; do
    cp "$TEMPLATE" "$dir/databases/$name.sqlite"
  done
  port=$(free_port 29000 3000) || die "no free port for Tryton"
  tryton_conf "$dir/databases" "$port" >"$dir/trytond.conf"
  (cd /; PYTHONDONTWRITEBYTECODE= exec setsid "$VENV/bin/python" "$VENV/bin/trytond" -c "$dir/trytond.conf" -d "$TRYTON_DB" $TRYTON_SPARES) \
    >"$STATE/log/trytond.log" 2>&1 </dev/null 8>&- 9>&- &
  remember_pid "$dir/pid" $!
  if ! poll 180 tryton_up_or_dead "$port" "$dir" || ! alive "$dir/pid" || ! tryton_ready "$port" 2>>"$STATE/log/trytond.log"; then
    tail -n 20 "$STATE/log/trytond.log" >&2
    die "Tryton does not start"
  fi
  {
    export_line ENCOURS_TEST_TRYTON_URL "http://127.0.0.1:$port"
    export_line ENCOURS_TEST_TRYTON_DB "$TRYTON_DB"
    export_line ENCOURS_TEST_TRYTON_USER "$TRYTON_USER"
    export_line ENCOURS_TEST_TRYTON_PASSWORD "$TRYTON_PASSWORD"
    export_line ENCOURS_TEST_TRYTON_PYTHON "$VENV/bin/python"
    export_line ENCOURS_TEST_TRYTON_CONF "$dir/trytond.conf"
    # More databases of the same content on the same server, for tests which
    # change something. (A database the server did not load when it started
    # cannot be logged into, so they cannot be added later.)
    export_line ENCOURS_TEST_TRYTON_SPARES "$TRYTON_SPARES"
    # The untouched file, for a test that wants a server of its own.
    export_line ENCOURS_TEST_TRYTON_TEMPLATE "$TEMPLATE"
  } >"$dir/env"
}

tryton_up_or_dead() { ! alive "$2/pid" || port_in_use "$1"; }

tryton_stop() {
  stop_noted "$STATE/tryton/pid" TERM 20
  rm -rf -- "$STATE/tryton"
}
