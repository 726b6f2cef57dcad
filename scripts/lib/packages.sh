# Installs the Debian packages the test services need. Sourced.
# shellcheck shell=bash

# newest_pg_bin: the folder of the newest PostgreSQL server binaries.
newest_pg_bin() {
  local dir
  for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5,5Vr); do
    if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then printf '%s' "$dir"; return 0; fi
  done
  return 1
}

python_with_venv() {
  have python3 && python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

# install_missing SERVICE…: one apt-get run for all that is not there yet.
install_missing() {
  local service packages=() why=()
  for service in "$@"; do
    case $service in
      postgres)
        newest_pg_bin >/dev/null || { packages+=(postgresql); why+=("postgresql: the database the tests store into"); } ;;
      rabbitmq)
        [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || { packages+=(rabbitmq-server); why+=("rabbitmq-server: the message broker the tests publish to"); } ;;
      tryton)
        python_with_venv || { packages+=(python3 python3-venv); why+=("python3 python3-venv: to run Tryton, the ERP the tests read from"); } ;;
      xml)
        have xmllint || { packages+=(libxml2-utils); why+=("libxml2-utils: xmllint, by which messages are held against ISO's schemas where these are there"); } ;;
      ssh)
        [ -x /usr/sbin/sshd ] || { packages+=(openssh-server); why+=("openssh-server: the tests that deliver files over SFTP start their own sshd"); }
        /usr/bin/python3 -W ignore -c 'import asyncssh' 2>/dev/null || { packages+=(python3-asyncssh); why+=("python3-asyncssh: an SFTP server that takes a password, for the same tests"); } ;;
      gpg)
        { have gpg && have gpg-agent && have gpgconf; } || { packages+=(gpg gpg-agent); why+=("gpg gpg-agent: the other program that reads what is encrypted for a factor"); } ;;
      mail)
        /usr/bin/python3 -c 'import aiosmtpd, cryptography' 2>/dev/null || { packages+=(python3-aiosmtpd python3-cryptography); why+=("python3-aiosmtpd python3-cryptography: the mail server that the tests deliver files to"); } ;;
    esac
  done
  [ "${#packages[@]}" -gt 0 ] || return 0

  if ! have apt-get; then
    say "missing, and this is not a Debian system; install these by hand:"
    printf '  %s\n' "${why[@]}" >&2
    exit 3
  fi
  local sudo_command="sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages[*]}"
  if ! is_root; then
    say "missing Debian packages:"
    printf '  %s\n' "${why[@]}" >&2
    say "run this, then try again:"
    say "  $sudo_command"
    exit 3
  fi
  say "installing missing Debian packages:"
  printf '  %s\n' "${why[@]}" >&2

  # A package must not start its own service on this machine.
  local policy=/usr/sbin/policy-rc.d made_policy=""
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=yes
  fi
  local failed=""
  {
    DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o DPkg::Lock::Timeout=300 "${packages[@]}"
  } >"$STATE/log/apt.log" 2>&1 </dev/null || failed=yes
  [ -z "$made_policy" ] || rm -f "$policy"
  if [ -n "$failed" ]; then
    tail -n 20 "$STATE/log/apt.log" >&2
    die "apt-get could not install: ${packages[*]} (whole output: $STATE/log/apt.log)"
  fi
  say "installed: ${packages[*]}"
}
