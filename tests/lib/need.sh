# Installs what a stage needs, quietly and once. Source it: `. "$(dirname "$0")/../lib/need.sh"`.
# Everything that is not a Debian package goes below tests/.tools, which git ignores.

NEED_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
NEED_TOOLS="$NEED_ROOT/tests/.tools"
mkdir -p "$NEED_TOOLS"

# need_deb PACKAGE... : installs the packages that are missing.
# A service that a package brings is not started: the tests start their own, on ports of their own.
need_deb() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    (
        flock 9
        local as_root=()
        [ "$(id -u)" -eq 0 ] || as_root=(sudo)
        "${as_root[@]}" apt-get -qq update >"$NEED_TOOLS/apt.log" 2>&1 || true
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends \
            "${missing[@]}" >>"$NEED_TOOLS/apt.log" 2>&1 || {
            echo "apt-get could not install ${missing[*]}; its words:" >&2
            tail -n 20 "$NEED_TOOLS/apt.log" >&2
            exit 1
        }
    ) 9>"$NEED_TOOLS/apt.lock"
}

# need_venv : tests/.tools/venv with tests/requirements.txt; afterwards $NEED_PYTHON runs it.
need_venv() {
    local venv="$NEED_TOOLS/venv" wanted
    NEED_PYTHON="$venv/bin/python"
    wanted="$(sha256sum <"$NEED_ROOT/tests/requirements.txt")"
    [ -x "$NEED_PYTHON" ] && [ "$(cat "$venv/.installed" 2>/dev/null)" = "$wanted" ] && return 0
    (
        flock 9
        [ -x "$NEED_PYTHON" ] && [ "$(cat "$venv/.installed" 2>/dev/null)" = "$wanted" ] && exit 0
        python3 -c 'import ensurepip' 2>/dev/null || need_deb python3-venv
        { python3 -m venv "$venv" && "$venv/bin/pip" -q --disable-pip-version-check install -r "$NEED_ROOT/tests/requirements.txt"; } \
            >"$NEED_TOOLS/venv.log" 2>&1 || {
            echo "the Python environment could not be built; its words:" >&2
            tail -n 20 "$NEED_TOOLS/venv.log" >&2
            exit 1
        }
        echo "$wanted" >"$venv/.installed"
    ) 9>"$NEED_TOOLS/venv.lock"
}

# need_programs NAME... : the folder MSX_BINARIES with these programs of ours: msx_exporter, lab, demo. Where the variable
# names one already, that one is taken; else they are built. tests/lib/programs.py decides.
need_programs() {
    MSX_BINARIES=$(cd "$NEED_ROOT" && python3 -m tests.lib.programs "$@") || return 1
    export MSX_BINARIES
}

# go_module FIELD MODULE VERSION : what `go mod download` says of a module, such as its Dir.
go_module() {
    go mod download -json "$2@$3" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# go_replacements MODULE VERSION : replaces, in the module of this folder, what MODULE requires as v0.0.0.
go_replacements() {
    local required
    required=$(go_module GoMod "$1" "$2") || return
    sed -n "s|^\t\([^ ]*\) v0\.0\.0\$|-replace=\1=\1@v0.${2#v*.}|p" "$required" | xargs -r go mod edit
}

# go_built NAME STAMP BUILD... : runs BUILD, which writes tests/.tools/bin/NAME, in a module of its own, unless STAMP was built
# already; $NEED_TOOLS/bin/NAME runs it. Answers 1 where Go is not installed: the caller says what it skips.
go_built() {
    local name="$1" stamp="$2" dir="$NEED_TOOLS/go/$1"
    shift 2
    [ "$(cat "$dir/.built" 2>/dev/null)" = "$stamp" ] && [ -x "$NEED_TOOLS/bin/$name" ] && return 0
    command -v go >/dev/null || return 1
    (
        flock 9
        mkdir -p "$dir" "$NEED_TOOLS/bin"
        cd "$dir"
        rm -f go.mod go.sum
        { go mod init "tools/$name" && "$@" "$NEED_TOOLS/bin/$name"; } >build.log 2>&1 || {
            echo "$name $stamp could not be built; its words:" >&2
            tail -n 20 build.log >&2
            exit 1
        }
        echo "$stamp" >.built
    ) 9>"$NEED_TOOLS/go-$name.lock"
}

go_package() {
    go_replacements "$1" "$2" && go get -tags "$4" "$3@$2" && go build -tags "$4" -o "$5" "$3"
}

# need_go_tool NAME MODULE VERSION PACKAGE [TAGS] : builds a Go program of others.
# `go install module@version` refuses a module that replaces another, so each tool gets a small module of its own.
# Kubernetes requires its own parts as v0.0.0 and replaces them by folders: here they are modules of the same release.
need_go_tool() {
    go_built "$1" "$3" go_package "$2" "$3" "$4" "${5:-}"
}

go_source() {
    cp "$1" main.go && go get -tags "$2" "${@:3:$#-3}" && go build -tags "$2" -o "${*: -1}" .
}

# need_go_program NAME SOURCE TAGS MODULE@VERSION... : builds a Go program of this repository, which is one file.
need_go_program() {
    local source="$NEED_ROOT/$2"
    go_built "$1" "$(sha256sum <"$source") ${*:3}" go_source "$source" "${@:3}"
}
