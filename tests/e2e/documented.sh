# shellcheck shell=bash
# For tests that do what the documentation says: the commands that stand there.
# shellcheck disable=SC2154 # top: the test's

# A command a line, without the comments behind them.
one_a_line() { sed -e ':a' -e '/\\$/{N;s/\\\n */ /;ta' -e '}' -e 's/ \+#.*//' -e '/^ *\(#.*\)\?$/d'; }

# What stands in README.md in blocks that are marked as sh.
readme_blocks() { # heading
  awk -v heading="$1" '
    /^```/ { inside = !inside; marked = $0 == "```sh"; next }
    !inside && sub(/^#+ /, "") { here = $0 == heading; next }
    here && inside && marked' "$top/README.md"
}
readme_headings() { # those that have such blocks
  awk '/^```/ { inside = !inside; if ($0 == "```sh") seen[heading] = 1; next }
    !inside && sub(/^#+ /, "") { heading = $0 }
    END { for (each in seen) print each }' "$top/README.md" | sort
}
# A block that begins with #! is a file.
readme_commands() { readme_blocks "$1" | sed '/^#!/,$d' | one_a_line; } # heading
readme_file() { readme_blocks "$1" | sed -n '/^#!/,$p'; }               # heading

# What stands in a manual page as it is typed: its literal blocks, and lines that stand for themselves.
manual_literals() { # path [section]
  awk -v section="${2-}" '/^\.Sh / { here = section == "" || $0 == ".Sh " section } here' "$top/$1" |
    sed -n -e '/^\.Bd -literal/,/^\.Ed/{/^\.[BE]d/d;p;}' -e 's/^\.Dl //p' |
    sed -e 's/\\e/\\/g' -e 's/\\(dq/"/g' -e 's/\\-/-/g' -e 's/\\&//g'
}
manual_examples() { manual_literals "$1" EXAMPLES | one_a_line; } # path

# In this shell, so that variables and directories stay for those that follow; each must succeed.
do_commands() { # commands, one a line; `instead`, which the test has, makes of one what is run here
  local command
  while read -r command <&3; do
    must "$command" eval "$(instead "$command")"
  done 3<<<"$1"
}
