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

# A QMAILHOME for mailfront, with a qmail-queue that keeps message and envelope in files.
make_qmail_home() { # directory
  mkdir -p "$1/bin" "$1/control" "$1/queue"
  echo example.net >"$1/control/rcpthosts"
  echo mx.example.net >"$1/control/me"
  cat >"$1/bin/qmail-queue" <<END
#!/bin/bash
cat >"$1/queue/\$\$.message"
cat <&1 >"$1/queue/\$\$.envelope"
END
  chmod 755 "$1/bin/qmail-queue"
}
