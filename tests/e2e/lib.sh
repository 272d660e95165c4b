# shellcheck shell=bash
# For the end-to-end tests in bash: checks that are counted, and conditions that are waited for.

patience=60 # seconds before something that must happen counts as not happening
failures=0

ok() { # what command...: the command must succeed
  local what=$1
  shift
  if "$@"; then
    echo "ok: $what"
  else
    echo "FAILED: $what ($*)"
    failures=$((failures + 1))
  fi
}

until_true() { # command...
  local end=$((SECONDS + patience))
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.02
  done
}
