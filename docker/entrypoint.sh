#!/bin/sh
# What the image runs: `webserver`, `daemon`, or any command of `crm`.
#
# exec, so that the command is process 1 and gets the signals: `docker stop` ends it as Ctrl-C does.
set -eu

home="${DAGSTER_HOME:?set DAGSTER_HOME to a folder that is kept}"
mkdir -p "$home"
# A person's own settings stand; DAGSTER_SETTINGS names another file to begin with, such as docker/dagster.yaml.
[ -e "$home/dagster.yaml" ] || cp "${DAGSTER_SETTINGS:-dagster.yaml}" "$home/dagster.yaml"

command="${1:-webserver}"
[ "$#" -eq 0 ] || shift
case "$command" in
  webserver)
    exec dagster-webserver --workspace workspace.yaml --host 0.0.0.0 --port "${PORT:-3000}" \
      --live-data-poll-rate 15000 "$@"
    ;;
  daemon)
    # The daemon starts all runs but those of `crm refresh`: what ran when it ended, ended with it.
    python -m crm_platform.cli.runs
    exec dagster-daemon run --workspace workspace.yaml "$@"
    ;;
  crm)
    exec crm "$@"
    ;;
  *)
    exec crm "$command" "$@"
    ;;
esac
