# Steps of a stage, counted: a step that fails does not keep the next one from running. Source it after `set -euo pipefail`.

passed=0
failed=0
skipped=0

# step NAME COMMAND... : runs the command and counts what came of it.
step() {
    local name="$1"
    shift
    echo "--- $name"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
    fi
}

# skip WHAT_AND_WHY : counts as neither passed nor failed.
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1"
}

# steps_end : the last line of a stage; answers 1 where a step failed.
steps_end() {
    local rest=""
    [ "$skipped" -eq 0 ] || rest=", $skipped skipped"
    printf '%d passed, %d failed%s\n' "$passed" "$failed" "$rest"
    [ "$failed" -eq 0 ]
}
