# The foreign programs and schemas that judge the chart, each at one version. Source it after tests/lib/need.sh.

KUBERNETES_VERSION=v1.36.1

# The modules ask for this Go; Debian 12's own is older, and a Go before 1.21 does not know how to say so.
go_is_new_enough() {
    command -v go >/dev/null && [ "$(printf '%s\n' go1.26 "$(go env GOVERSION)" | sort -V | head -n 1)" = go1.26 ]
}
# need_helm : HELM names the program.
need_helm() {
    export HELM="$NEED_TOOLS/bin/helm"
    need_go_tool helm helm.sh/helm/v4 v4.3.1 helm.sh/helm/v4/cmd/helm
}
# need_schemas : KUBERNETES and OPERATOR name the folders of their modules.
need_schemas() {
    KUBERNETES=$(go_module Dir k8s.io/kubernetes "$KUBERNETES_VERSION") || return
    OPERATOR=$(go_module Dir github.com/prometheus-operator/prometheus-operator v0.94.0) || return
    export KUBERNETES OPERATOR
}
# need_api_server : kube-apiserver, kubectl and etcd in tests/.tools/bin. Their version is stamped, for helm asks for it.
need_api_server() {
    local name stamp="k8s.io/component-base/version.gitVersion=$KUBERNETES_VERSION"
    for name in kubectl kube-apiserver; do
        GOFLAGS="$(go env GOFLAGS) '-ldflags=-X $stamp'" \
            need_go_tool "$name" k8s.io/kubernetes "$KUBERNETES_VERSION" "k8s.io/kubernetes/cmd/$name" || return
    done
    need_go_tool etcd go.etcd.io/etcd/server/v3 v3.6.16 go.etcd.io/etcd/server/v3
}
