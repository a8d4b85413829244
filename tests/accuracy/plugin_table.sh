#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The README's table of plugins, made from what the plugins say of themselves. A sampler's summary ends in its order, its evaluations a step, and whether it is
# deterministic or stochastic, parted by semicolons. Usage:
#
#     plugin_table.sh <ebb>                    prints the table
#     plugin_table.sh <ebb> check README.md    fails with the difference where the text between the markers is another
#     plugin_table.sh <ebb> write README.md    puts it there
ebb=$1 what=$2 file=$3
unset EBB_PLUGIN_PATH

# One component a line: kind, id, summary, reference, parted by tabs.
components() {
  "$ebb" plugins --json | awk '
    function value(object, key,    text) {
      if (!match(object, "\"" key "\": *\"")) return ""
      text = substr(object, RSTART + RLENGTH)
      gsub(/\\"/, "\001", text)
      sub(/".*/, "", text)
      gsub(/\001/, "\"", text)
      return text
    }
    { all = all $0 }
    END {
      n = split(all, object, /"kind"/)
      for (i = 2; i <= n; i++) {
        o = "\"kind\"" object[i]
        print value(o, "kind") "\t" value(o, "id") "\t" value(o, "summary") "\t" value(o, "reference")
      }
    }'
}

table() {
  components | awk -F '\t' '
    function upper(text) { return toupper(substr(text, 1, 1)) substr(text, 2) }
    function row(line) { kept[kind] = kept[kind] line "\n" }
    { kind = $1 }
    kind == "schedule" || kind == "objective" { row("| `" $2 "` | " $3 " | " $4 " |") }
    kind == "sampler" {
      n = split($3, part, "; ")
      text = part[1]
      for (i = 2; i <= n - 3; i++) text = text "; " part[i]
      if (n < 4 || part[n - 2] !~ /order/ || part[n - 1] !~ /evaluations? a step$/ || part[n] !~ /^(deterministic|stochastic)/) {
        print "sampler/" $2 ": its summary does not end in order, evaluations a step, and deterministic or stochastic: " $3 >"/dev/stderr"
        wrong = 1
        next
      }
      order = part[n - 2]
      sub(/^order /, "", order)
      sub(/^strong order /, "strong ", order)
      sub(/^no order/, "none", order)
      sub(/ evaluations? a step$/, "", part[n - 1])
      row("| `" $2 "` | " text " | " order " | " part[n - 1] " | " part[n] " | " $4 " |")
    }
    END {
      if (wrong || kept["schedule"] == "" || kept["objective"] == "" || kept["sampler"] == "") exit 1
      print "| schedule | noise levels | reference |\n|---|---|---|"
      print kept["schedule"]
      print "| objective | what is trained | reference |\n|---|---|---|"
      print kept["objective"]
      print "| sampler | rule | order | evaluations a step | | reference |\n|---|---|---|---|---|---|"
      printf "%s", kept["sampler"]
    }'
}

new=$(mktemp) || exit 1
trap 'rm -f "$new" "$new.old"' EXIT
table >"$new" || exit 1
case $what in
'') cat "$new" ;;
check)
  sed -n '/^<!-- plugins -->$/,/^<!-- \/plugins -->$/p' "$file" | sed '1d;$d' >"$new.old"
  diff "$new.old" "$new" || { echo "$file differs from the plugins: tests/accuracy/plugin_table.sh <ebb> write README.md"; exit 1; }
  ;;
write)
  grep -q '^<!-- plugins -->$' "$file" && grep -q '^<!-- /plugins -->$' "$file" || { echo "$file has no markers <!-- plugins --> and <!-- /plugins -->"; exit 1; }
  awk -v new="$new" '
    /^<!-- \/plugins -->$/ { inside = 0 }
    !inside
    /^<!-- plugins -->$/ { inside = 1; while ((getline line <new) > 0) print line }' "$file" >"$new.old" && cat "$new.old" >"$file"
  ;;
*) echo "usage: plugin_table.sh <ebb> [check|write README.md]"; exit 2 ;;
esac
