# axe-core from npm, which judges whether everybody can use a page. Source it after need.sh.
NEED_AXE="$NEED_TOOLS/axe"

# need_axe : installs it once; afterwards $NEED_AXE/axe.min.js is its script. Answers 1 where Node cannot be had.
need_axe() {
    local version=4.14.1
    [ "$(cat "$NEED_AXE/.installed" 2>/dev/null)" = "$version" ] && return 0
    command -v npm >/dev/null || need_deb nodejs npm || return 1
    (
        flock 9
        mkdir -p "$NEED_AXE"
        cd "$NEED_AXE"
        echo '{ "private": true }' >package.json
        npm install --no-audit --no-fund --ignore-scripts "axe-core@$version" >npm.log 2>&1 || {
            echo "axe-core could not be installed; npm's words:" >&2
            tail -n 20 npm.log >&2
            exit 2
        }
        cp node_modules/axe-core/axe.min.js .
        echo "$version" >.installed
    ) 9>"$NEED_TOOLS/axe.lock"
}
