# A private RabbitMQ with its own Erlang port mapper, all on loopback ports.
# Sourced by scripts/services.
# shellcheck shell=bash

RABBIT_BIN=/usr/lib/rabbitmq/bin   # the wrappers in /usr/sbin change user and drop the environment

rabbitmq_start() {
  local dir=$STATE/rabbitmq amqp dist epmd ctl=$STATE/rabbitmq/rabbitmqctl
  if alive "$dir/pid" && alive "$dir/epmd.pid"; then return 0; fi
  rabbitmq_stop
  mkdir -p "$dir"/{home,mnesia,conf}
  amqp=$(free_port 23000 3000) && dist=$(free_port 26000 2000) && epmd=$(free_port 28000 1000) ||
    die "no free ports for RabbitMQ"

  (umask 077 && head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$dir/home/.erlang.cookie")
  chmod 400 "$dir/home/.erlang.cookie"
  printf '[].\n' >"$dir/conf/enabled_plugins"
  cat >"$dir/conf/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$amqp
loopback_users.guest = true
disk_free_limit.absolute = 200MB
vm_memory_high_watermark.relative = 0.2
log.file.level = warning
CONF
  {
    export_line HOME "$dir/home"
    export_line LANG C.UTF-8
    export_line LC_ALL C.UTF-8
    export_line RABBITMQ_NODENAME "encours$amqp@localhost"
    export_line RABBITMQ_NODE_IP_ADDRESS 127.0.0.1
    export_line RABBITMQ_NODE_PORT "$amqp"
    export_line RABBITMQ_DIST_PORT "$dist"
    export_line RABBITMQ_MNESIA_BASE "$dir/mnesia"
    export_line RABBITMQ_LOG_BASE "$STATE/log"
    export_line RABBITMQ_PID_FILE "$dir/beam-pid"
    export_line RABBITMQ_CONF_ENV_FILE "$dir/conf/none.conf"
    export_line RABBITMQ_CONFIG_FILE "$dir/conf/rabbitmq"
    export_line RABBITMQ_ADVANCED_CONFIG_FILE "$dir/conf/advanced.config"
    export_line RABBITMQ_ENABLED_PLUGINS_FILE "$dir/conf/enabled_plugins"
    export_line RABBITMQ_FEATURE_FLAGS_FILE "$dir/conf/feature_flags"
    export_line RABBITMQ_GENERATED_CONFIG_DIR "$dir/conf/generated"
    export_line ERL_EPMD_ADDRESS 127.0.0.1
    export_line ERL_EPMD_PORT "$epmd"
    export_line RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS '-kernel inet_dist_use_interface {127,0,0,1}'
    export_line RABBITMQ_CTL_ERL_ARGS '-kernel inet_dist_use_interface {127,0,0,1}'
  } >"$dir/node-env"
  {
    printf '#!/bin/bash\n# rabbitmqctl for the private node of scripts/services.\n'
    cat "$dir/node-env"
    printf 'exec %s/rabbitmqctl -n "$RABBITMQ_NODENAME" "$@"\n' "$RABBIT_BIN"
  } >"$ctl"
  chmod 755 "$ctl"

  # Our own port mapper in the foreground, so that we know its pid.
  (. "$dir/node-env"; cd /; exec setsid epmd) >"$STATE/log/epmd.log" 2>&1 </dev/null 9>&- &
  remember_pid "$dir/epmd.pid" $!
  poll 20 port_in_use "$epmd" || die "epmd does not answer on port $epmd"

  (. "$dir/node-env"; cd /; exec setsid "$RABBIT_BIN/rabbitmq-server") >"$STATE/log/rabbitmq.log" 2>&1 </dev/null 9>&- &
  local server=$!
  remember_pid "$dir/server.pid" "$server"
  if ! poll 120 rabbitmq_up_or_dead "$amqp" "$dir" || ! alive "$dir/server.pid"; then
    tail -n 20 "$STATE/log/rabbitmq.log" >&2
    die "RabbitMQ does not start"
  fi
  remember_pid "$dir/pid" "$(cat "$dir/beam-pid")"
  # The port opens a little before the node has finished starting.
  if ! timeout 120 "$ctl" await_startup --timeout 100 >>"$STATE/log/rabbitmq.log" 2>&1 </dev/null 9>&-; then
    tail -n 20 "$STATE/log/rabbitmq.log" >&2
    die "RabbitMQ does not finish starting"
  fi
  {
    export_line ENCOURS_TEST_AMQP_URL "amqp://guest:guest@127.0.0.1:$amqp/%2f"
    export_line ENCOURS_TEST_RABBITMQCTL "$ctl"
  } >"$dir/env"
}

rabbitmq_up_or_dead() {
  ! alive "$2/server.pid" || { [ -s "$2/beam-pid" ] && port_in_use "$1"; }
}

rabbitmq_stop() {
  local dir=$STATE/rabbitmq
  # Started only halfway: the node's own pid file knows it.
  if [ ! -e "$dir/pid" ] && [ -s "$dir/beam-pid" ] && alive "$dir/server.pid"; then
    remember_pid "$dir/pid" "$(cat "$dir/beam-pid")"
  fi
  stop_noted "$dir/pid" TERM 30
  stop_noted "$dir/server.pid" TERM 10
  stop_noted "$dir/epmd.pid" TERM 5
  rm -rf -- "$dir"
}
