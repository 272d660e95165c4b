# shellcheck shell=bash
# Stand-ins for qmail source trees, as no qmail source belongs here: they have the lines of the real
# ones that patch-qmail-smtpd looks for, and are real servers when they are built.
# shellcheck disable=SC2154 # source, cc: the test's

# qmail 1.03 and netqmail: K&R; combined: the usual patches for TLS, AUTH and plugins; tabbed:
# notqmail, laid out anew as IndiMail's small server is.
# shellcheck disable=SC2034
qmail_kinds=(qmail-1.03 netqmail-1.06 notqmail combined tabbed)

# Tabs, each statement and each function's type on a line of its own.
lay_out_anew() { # file
  sed -e 's/^\(static \)\?\(void\|int\) \([a-z_]*(.*)\)/\1\2\n\3/' \
    -e 's/ { \(err_[a-z]*();\) return; }$/ {\n    \1\n    return;\n  }/' "$1" | unexpand -t 2
}
make_qmail_tree() { # kind directory
  local stand_ins=$source/tests/e2e/qmail makefile=Makefile
  [ "$1" != combined ] || makefile=Makefile.tls
  mkdir -p "$2"
  cp "$stand_ins"/{stand_in.c,stand_in.h,tls.c,tls.h} "$2"
  cp "$stand_ins/$makefile" "$2/Makefile"
  if [ "$1" = tabbed ]; then
    lay_out_anew "$stand_ins/notqmail.c" >"$2/qmail-smtpd.c"
  else
    cp "$stand_ins/$1.c" "$2/qmail-smtpd.c"
  fi
  # What old and new sources are warned of is no matter; errors are.
  echo "$cc -w" >"$2/conf-cc"
}
