#!/usr/bin/env bash
# What FreeTDS' tsql reads from the exhibits. Usage: judge-tsql.sh <the line of JSON that the server printed>
set -uo pipefail

place() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$places" "$1"; }

places=$1
password=$(place password)
export TDSVER=7.4 LC_ALL=C.UTF-8
passed=0 failed=0

# check <name> <text> <line>...: every line stands in the text, as a complete line.
check() {
    local name=$1 text=$2 line missing=""
    shift 2
    for line in "$@"; do
        grep -qxF -- "$line" <<<"$text" || missing+=" [$line]"
    done
    if [[ -z $missing ]]; then
        passed=$((passed + 1))
        echo "ok    tsql: $name"
    else
        failed=$((failed + 1))
        echo "FAIL  tsql: $name: not found:$missing in: ${text:0:300}"
    fi
}

# ask <batch> <option>...: what tsql prints, without its prompts.
ask() {
    local batch=$1
    shift
    printf '%s\ngo\n' "$batch" | timeout 20 tsql -U sa "$@" 2>&1 | tr -d '\r' | sed -E 's/^([0-9]+> )+//'
}

judge() {
    local name=$1 encrypted=$2 rows
    shift 2
    check "$name: session" "$(ask session "$@" -P "$password" -D msdb)" "sa|msdb|TSQL|$encrypted"
    check "$name: sets" "$(ask sets "$@" -P "$password")" a 1 b c three
    rows=$(ask 'rows 5000' "$@" -P "$password")
    check "$name: rows" "$rows" $'0\tTARGET-000000\\PAYROLL' $'4999\tTARGET-004999\\PAYROLL' '(5000 rows affected)'
    check "$name: number of rows" "$(grep -c 'PAYROLL$' <<<"$rows")" 5000
    check "$name: error" "$(ask denied "$@" -P "$password")" 'Msg 229 (severity 14, state 5) from MSXLAB Line 1:' 1 2
    check "$name: wrong password" "$(ask session "$@" -P wrong)" 'Msg 18456 (severity 14, state 1) from MSXLAB Line 1:'
}

judge 'plain' false -H 127.0.0.1 -p "$(place none)"
judge 'login-only' false -H 127.0.0.1 -p "$(place login_only)"
judge 'required' true -H 127.0.0.1 -p "$(place required)"
judge 'named instance' false -S '127.0.0.94\PAYROLL'
list=$(timeout 20 tsql -LH 127.0.0.94 2>&1)
check 'browser: list' "$list" '   InstanceName PAYROLL' "            tcp $(place instance)" '   InstanceName OTHER'
types=$(ask types -H 127.0.0.1 -p "$(place none)" -P "$password")
check 'types: rows' "$types" '(3 rows affected)'
first=$(grep -F 'Grüße' <<<"$types" | head -1 | tr '\t' '\n')
check 'types: values' "$first" 1 200 -300 -70000 5000000000 1.5 123.45 1.0000 'Grüße, 世界 🌍' 'Zürich €5' \
    '0E984725-C51C-4BF4-9960-E1C80E27ABA0'

echo "$passed passed, $failed failed"
((failed == 0))
