#!/usr/bin/env bash
# Foreign clients judge the stand-in master: see README.md. Prints one line for each check, and a count at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/clients
tools=$PWD/tests/.tools

# How many checks each judge makes. One that makes fewer has left something out, which is a failure too.
declare -A checks=([python-tds]=819 [tedious]=761 [tsql]=27)

. tests/lib/need.sh
need_deb freetds-bin python3-venv
command -v npm >/dev/null || need_deb nodejs npm
need_venv

# What is installed already is left alone, so that a second run needs no network.
if ! cmp -s "$here/package-lock.json" "$tools/npm/installed.json"; then
    mkdir -p "$tools/npm"
    cp "$here/package.json" "$here/package-lock.json" "$tools/npm/"
    npm ci --prefix "$tools/npm" --no-audit --no-fund --silent
    cp "$here/package-lock.json" "$tools/npm/installed.json"
fi

cargo build --quiet --package msx-lab --example types
scratch=$(mktemp -d)
coproc EXHIBITS { exec "${CARGO_TARGET_DIR:-target}/debug/examples/types" "$scratch"; }
# The server ends when this script's end of its standard input is closed, whatever ends the script.
trap 'rm -rf "$scratch"' EXIT
read -r -t 30 places <&"${EXHIBITS[0]}" || { echo "the server of the exhibits did not start" >&2; exit 1; }

passed=0 failed=0

# judge <name> <command>...
judge() {
    local name=$1 good bad
    shift
    timeout 300 "$@" "$places" >"$scratch/$name" 2>&1 || true
    cat "$scratch/$name"
    good=$(grep -c '^ok ' "$scratch/$name" || true)
    bad=$(grep -c '^FAIL ' "$scratch/$name" || true)
    if ((good + bad != checks[$name])) || ! grep -qx "$good passed, $bad failed" "$scratch/$name"; then
        echo "FAIL  $name: made $((good + bad)) checks of ${checks[$name]}"
        bad=$((bad + 1))
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
}

judge python-tds "$NEED_PYTHON" -m tests.clients.judge
judge tedious env TOOLS="$tools" node "$here/judge.mjs"
judge tsql "$here/judge-tsql.sh"

echo "$passed passed, $failed failed"
((failed == 0))
