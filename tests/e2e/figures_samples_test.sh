#!/bin/bash
# The Grafana dashboard and the Prometheus rules in etc/: each is whole, and asks for nothing that
# `greyctl serve` of the real daemon does not have.
# usage: figures_samples_test.sh SOURCE-DIRECTORY QMAIL-GREYD GREYCTL
# shellcheck disable=SC2016  # single quotes are meant: eval expands them
# shellcheck disable=SC2317  # functions are called through `must`
set -u
here=$(realpath "$(dirname "$0")")
# shellcheck source-path=SCRIPTDIR
. "$here/lib.sh"
command -v promtool >/dev/null || { echo 'skipped: no promtool' && exit 77; }
python3 -c 'import yaml' 2>/dev/null || { echo 'skipped: no yaml for python3' && exit 77; }
source=$(realpath "$1") greyd=$(realpath "$2") greyctl=$(realpath "$3")
faketime=()
work_in_a_directory
explain() { cat "$work"/*.out; }

rules=$source/etc/prometheus/greylisting.rules.yml
dashboard=$source/etc/grafana/greylisting.json
cp "$rules" "$source/tests/data/prometheus/greylisting.rules.test.yml" "$work"
in_work() { (cd "$work" && "$@"); }
must 'promtool takes the rules' promtool check rules "$rules"
must 'each alert fires when it should, and not else' in_work promtool test rules greylisting.rules.test.yml

port=$(free_port) page=$(free_port)
as_user=() # nothing is served as root
if [ "$(id -u)" = 0 ]; then
  as_user=(--user nobody)
  chmod 755 "$work"
  install -d -o nobody "$work/state"
fi
# A store that is away has all of its figures.
echo 000102030405060708090a0b0c0d0e0f >"$work/key"
chmod 600 "$work/key"
[ "$(id -u)" != 0 ] || chown nobody "$work/key"
store=(--store redis://127.0.0.1:1 --store-key-file "$work/key")
for start in first second; do # by then it has saved its state
  [ $start = first ] || stop_greyd
  start_greyd "$greyd" "$work/state" "127.0.0.1@$port" "${as_user[@]}" "${store[@]}"
done
"$greyctl" --control "$work/state/context.control" serve "127.0.0.1@$page" 2>"$work/serve.log" &
pids+=($!)
get() { python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode(), end="")' "$1"; }
must 'the daemon has its figures served' until_true eval 'get "http://127.0.0.1:$page/metrics" >"$work/metrics" 2>/dev/null'
must 'promtool takes them' eval 'promtool check metrics <"$work/metrics"'

samples() { python3 "$here/figures_samples.py" "$@" >"$work/samples.out" 2>&1; }
must 'dashboard and rules ask for what there is' \
  samples "$work/metrics" "$dashboard" "$rules" "$work/greylisting.rules.test.yml" "$work/expressions.yml"
must 'promtool understands each query of the dashboard' promtool check rules "$work/expressions.yml"

# A test that finds nothing may look at nothing.
misses() { # what sed-script file: a change in the copy of that file is found
  local script=$2 file=$3 copies=("$dashboard" "$rules")
  sed "$script" "$file" >"$work/changed"
  cmp -s "$file" "$work/changed" && echo "nothing is changed by $script" && return 1
  [ "$file" = "$dashboard" ] && copies[0]=$work/changed || copies[1]=$work/changed
  ! samples "$work/metrics" "${copies[@]}" "$work/greylisting.rules.test.yml" "$work/expressions.yml" &&
    grep -qF -- "$1" "$work/samples.out"
}
must 'a figure that is not served is found' misses 'greyd_evicted_total' 's/greyd_evictions_total/greyd_evicted_total/' "$dashboard"
must 'in a rule, too' misses 'greyd_evicted_total' 's/greyd_evictions_total/greyd_evicted_total/' "$rules"
must 'and a label' misses "no label 'why'" 's/sum by (reason)/sum by (why)/' "$dashboard"
must 'and a value' misses "no reason 'fresh'" 's/new|early/fresh|early/' "$rules"
must 'and a figure that nobody shows' misses 'greyd_connections_total is not shown' 's/greyd_connections_total/greyd_snapshots_total/;s/socket, event/instance/' "$dashboard"
must 'and a panel without a unit' misses 'no unit' 's/"unit": "bytes"/"units": "bytes"/' "$dashboard"
must 'and one without a title' misses 'no title' 's/"title": "Evictions"/"title": ""/' "$dashboard"
must 'and an alert without a description' misses 'GreydDown: no description' '0,/description:/s//remark:/' "$rules"
must 'and one that nothing tests' misses 'GreydGone is not tested' 's/GreydDown/GreydGone/' "$rules"
exit $((failures > 0))
