# Grafana's own libraries from npm, for tests that need no Grafana server. Source it after need.sh.
NEED_GRAFANA="$NEED_TOOLS/grafana"

# need_grafana : installs them once below tests/.tools; answers 1 where Node cannot be had.
# 12.4 is the last line whose packages can all be had from the registry. They name each other as peers in versions that
# npm would argue about.
need_grafana() {
    local packages=(
        @grafana/data@12.4.10 @grafana/ui@12.4.10 @grafana/schema@12.4.10
        react@18.3.1 react-dom@18.3.1 rxjs@7.8.2 jsdom@24.1.3 typescript@5.9.3 esbuild@0.28.2
        @fontsource/inter@5.3.0 @fontsource/roboto-mono@5.3.0
    )
    [ "$(cat "$NEED_GRAFANA/.installed" 2>/dev/null)" = "${packages[*]}" ] && return 0
    command -v npm >/dev/null || need_deb nodejs npm || return 1
    (
        flock 9
        [ "$(cat "$NEED_GRAFANA/.installed" 2>/dev/null)" = "${packages[*]}" ] && exit 0
        mkdir -p "$NEED_GRAFANA"
        cd "$NEED_GRAFANA"
        echo '{ "private": true }' >package.json
        npm install --no-audit --no-fund --legacy-peer-deps --ignore-scripts "${packages[@]}" >npm.log 2>&1 || {
            echo "Grafana's libraries could not be installed; npm's words:" >&2
            tail -n 20 npm.log >&2
            exit 2
        }
        echo "${packages[*]}" >.installed
    ) 9>"$NEED_TOOLS/grafana.lock"
}
