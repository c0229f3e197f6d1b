# A container engine without a daemon, a registry or systemd, all its files below tests/.tools. Source it after need.sh.

ENGINE="$NEED_TOOLS/engine"

# engine_configure : the settings of podman and buildah, for this process and what it starts.
engine_configure() {
    mkdir -p "$ENGINE"
    export CONTAINERS_CONF="$ENGINE/containers.conf" CONTAINERS_STORAGE_CONF="$ENGINE/storage.conf"
    export CONTAINERS_REGISTRIES_CONF="$ENGINE/registries.conf"
    # Limits above those of this process would be refused; netavark is the one network that resolves names.
    cat >"$CONTAINERS_CONF" <<-CONF
		[containers]
		base_hosts_file = "none"
		default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
		log_driver = "k8s-file"
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		image_parallel_copies = 1
		[network]
		network_backend = "netavark"
		network_config_dir = "$ENGINE/networks"
	CONF
    cat >"$CONTAINERS_STORAGE_CONF" <<-CONF
		[storage]
		driver = "$(engine_driver)"
		graphroot = "$ENGINE/storage"
		runroot = "/run/msx-engine"
	CONF
    # No registry is asked: what a file names must have been made here.
    printf 'unqualified-search-registries = ["docker.io"]\n' >"$CONTAINERS_REGISTRIES_CONF"
}

# engine_driver : overlay where the kernel can lay it over this file system, else copies of every layer.
engine_driver() {
    local try="$ENGINE/try"
    mkdir -p "$try"/{lower,upper,work,merged}
    if unshare --mount mount -t overlay overlay "$try/merged" \
        -o "lowerdir=$try/lower,upperdir=$try/upper,workdir=$try/work" 2>/dev/null; then echo overlay; else echo vfs; fi
}

# engine_import IMAGE FOLDER CHANGE... : an image of that name from the files of a folder.
engine_import() {
    local image="$1" folder="$2" changes=() change
    shift 2
    for change in "$@"; do changes+=(--change "$change"); done
    tar -C "$folder" -c . | podman import --quiet "${changes[@]}" - "$image" >/dev/null
}

# engine_rust IMAGE VERSION : stands for the upstream image of that name: Debian 12, its C compiler, and Rust from rustup.
engine_rust() {
    podman image exists "$1" && return
    local root="$ENGINE/rust" toolchain
    rustup toolchain install "$2" --profile minimal >"$ENGINE/rustup.log" 2>&1 || { cat "$ENGINE/rustup.log"; return 1; }
    toolchain=$(dirname "$(dirname "$(rustup which --toolchain "$2" rustc)")")
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev bookworm "$root" >"$ENGINE/debootstrap.log" 2>&1 || {
        tail -n 20 "$ENGINE/debootstrap.log"
        return 1
    }
    mkdir -p "$root/usr/local/cargo" "$root/usr/local/rustup/toolchains"
    cp -a "$toolchain" "$root/usr/local/rustup/toolchains/"
    rm -rf "$root/usr/local/rustup/toolchains/"*/share "$root"/var/cache/apt/archives/*.deb
    engine_authorities "$root"
    local bin="/usr/local/rustup/toolchains/$(basename "$toolchain")/bin"
    engine_import "$1" "$root" "ENV CARGO_HOME=/usr/local/cargo" \
        "ENV PATH=$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    rm -rf "$root"
}

# engine_authorities ROOT : what this machine trusts beyond Debian's list, such as the authority of a proxy, is trusted there.
engine_authorities() {
    cp -a /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates/" 2>/dev/null || true
    chroot "$1" update-ca-certificates >/dev/null 2>&1
}

# engine_debian IMAGE PROGRAM PLACE VOLUME : stands for the upstream image of that name: Debian's program and its libraries,
# where the upstream image has it, with busybox as wget, as the upstream images have.
engine_debian() {
    local root="$ENGINE/debian" file
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/usr/share" "$root$4"
    install "$2" "$root$3"
    install /bin/busybox "$root/bin/wget"
    ldd "$2" | grep -o '/lib[^ ]*' | while read -r file; do install -D "$file" "$root$file"; done
    cp -a /usr/share/prometheus "$root/usr/share/"
    chown 65534:65534 "$root$4"
    engine_import "$1" "$root" "ENTRYPOINT [\"$3\"]" "USER 65534:65534"
    rm -rf "$root"
}

# engine_build TARGET IMAGE : the image of that target of the real Dockerfile. OCI's own format knows no health checks.
engine_build() {
    buildah bud --format docker --layers --pull-never --isolation chroot --target "$1" --tag "$2" \
        --file "$NEED_ROOT/deploy/docker/Dockerfile" --ignorefile "$NEED_ROOT/deploy/docker/Dockerfile.dockerignore" \
        "$NEED_ROOT" >"$ENGINE/$1.log" 2>&1 || {
        tail -n 30 "$ENGINE/$1.log"
        return 1
    }
}
