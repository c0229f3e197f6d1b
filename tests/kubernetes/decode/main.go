// Command decode reads rendered manifests from standard input and decodes each strictly into the Go type of its kind:
// a field that Kubernetes or the Prometheus operator does not know, or of a wrong type, is a fault. So are an object
// without a name, a selector that does not fit the pods, a volume that is not there, and a port without that name.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

var kinds = map[string]func() meta.Object{
	"v1/ConfigMap":                            func() meta.Object { return &core.ConfigMap{} },
	"v1/Pod":                                  func() meta.Object { return &core.Pod{} },
	"v1/Secret":                               func() meta.Object { return &core.Secret{} },
	"v1/Service":                              func() meta.Object { return &core.Service{} },
	"v1/ServiceAccount":                       func() meta.Object { return &core.ServiceAccount{} },
	"apps/v1/Deployment":                      func() meta.Object { return &apps.Deployment{} },
	"networking.k8s.io/v1/NetworkPolicy":      func() meta.Object { return &networking.NetworkPolicy{} },
	"policy/v1/PodDisruptionBudget":           func() meta.Object { return &policy.PodDisruptionBudget{} },
	"monitoring.coreos.com/v1/ServiceMonitor": func() meta.Object { return &monitoring.ServiceMonitor{} },
	"monitoring.coreos.com/v1/PrometheusRule": func() meta.Object { return &monitoring.PrometheusRule{} },
}

var faults int

func fault(format string, words ...any) {
	faults++
	fmt.Printf(format+"\n", words...)
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var objects []meta.Object
	for _, document := range bytes.Split(append([]byte("\n"), text...), []byte("\n---\n")) {
		var kind meta.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			fault("no YAML: %v", err)
			continue
		}
		if kind.Kind == "" {
			continue
		}
		name := kind.APIVersion + "/" + kind.Kind
		empty, known := kinds[name]
		if !known {
			fault("%s: the chart is not expected to make this kind", name)
			continue
		}
		object := empty()
		if err := strictly(document, object); err != nil {
			fault("%s: %v", name, err)
			continue
		}
		named(name, object)
		objects = append(objects, object)
	}
	together(objects)
	fmt.Printf("%d objects, %d faults\n", len(objects), faults)
	if faults > 0 || len(objects) == 0 {
		os.Exit(1)
	}
}

// strictly decodes as the API server does: names of fields with their case, and none twice.
func strictly(document []byte, object any) error {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	wrong, err := json.UnmarshalStrict(text, object)
	return errors.Join(append(wrong, err)...)
}

// named checks what every object has: a name, a namespace, and labels that Kubernetes takes.
func named(kind string, object meta.Object) {
	check := validation.IsDNS1123Subdomain
	if _, service := object.(*core.Service); service {
		check = validation.IsDNS1035Label
	}
	for _, words := range check(object.GetName()) {
		fault("%s %q: name: %s", kind, object.GetName(), words)
	}
	if object.GetNamespace() == "" {
		fault("%s %s has no namespace", kind, object.GetName())
	}
	for key, value := range object.GetLabels() {
		for _, words := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
			fault("%s %s: label %s: %s", kind, object.GetName(), key, words)
		}
	}
	switch it := object.(type) {
	case *apps.Deployment:
		if it.Spec.Selector == nil || !fits(it.Spec.Selector, it.Spec.Template.Labels) {
			fault("%s %s: its selector does not fit its own pods", kind, it.Name)
		}
		pod(kind, it.Name, it.Spec.Template.Spec)
	case *core.Pod:
		pod(kind, it.Name, it.Spec)
	}
}

// pod checks one container, that its mounts have volumes, and that it runs without rights.
func pod(kind, name string, spec core.PodSpec) {
	volumes := map[string]bool{}
	for _, volume := range spec.Volumes {
		volumes[volume.Name] = true
	}
	if len(spec.Containers) != 1 || spec.Containers[0].Name == "" || spec.Containers[0].Image == "" {
		fault("%s %s: not one container with a name and an image", kind, name)
		return
	}
	container := spec.Containers[0]
	for _, mount := range container.VolumeMounts {
		if !volumes[mount.Name] {
			fault("%s %s: the mount %s has no volume", kind, name, mount.Name)
		}
		delete(volumes, mount.Name)
	}
	for volume := range volumes {
		fault("%s %s: the volume %s is not mounted", kind, name, volume)
	}
	ports := map[string]bool{}
	for _, port := range container.Ports {
		ports[port.Name] = true
	}
	for _, probe := range []*core.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
		switch {
		case probe == nil:
			if kind != "v1/Pod" {
				fault("%s %s: a probe is missing", kind, name)
			}
		case probe.HTTPGet != nil && !ports[probe.HTTPGet.Port.StrVal], probe.TCPSocket != nil && !ports[probe.TCPSocket.Port.StrVal]:
			fault("%s %s: a probe asks a port that is not there", kind, name)
		}
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		fault("%s %s: the token of its account is mounted", kind, name)
	}
	yes := func(flag *bool) bool { return flag != nil && *flag }
	if spec.SecurityContext == nil || !yes(spec.SecurityContext.RunAsNonRoot) || spec.SecurityContext.SeccompProfile == nil {
		fault("%s %s: may run as root, or without seccomp", kind, name)
	}
	rights := container.SecurityContext
	if rights == nil || !yes(rights.ReadOnlyRootFilesystem) || rights.AllowPrivilegeEscalation == nil ||
		*rights.AllowPrivilegeEscalation || rights.Capabilities == nil || len(rights.Capabilities.Drop) != 1 ||
		rights.Capabilities.Drop[0] != "ALL" {
		fault("%s %s: has more rights than it needs", kind, name)
	}
	if container.Resources.Requests.Memory().IsZero() || container.Resources.Limits.Memory().IsZero() {
		fault("%s %s: says nothing of memory", kind, name)
	}
}

func fits(selector *meta.LabelSelector, set map[string]string) bool {
	it, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && !it.Empty() && it.Matches(labels.Set(set))
}

// together checks what refers to one another. A Service finds one Deployment's pods, and no pod of a test.
func together(objects []meta.Object) {
	seen := map[string]bool{}
	made := map[string]bool{}
	pods := map[string]map[string]string{}
	for _, object := range objects {
		name := fmt.Sprintf("%T %s/%s", object, object.GetNamespace(), object.GetName())
		if seen[name] {
			fault("%s is there twice", name)
		}
		seen[name] = true
		switch it := object.(type) {
		case *apps.Deployment:
			pods[it.Name] = it.Spec.Template.Labels
		case *core.Pod:
			pods[it.Name] = it.Labels
		case *core.ConfigMap:
			made[it.Name] = true
		}
	}
	count := func(selector *meta.LabelSelector) (found []string) {
		for name, set := range pods {
			if fits(selector, set) {
				found = append(found, name)
			}
		}
		return found
	}
	for _, object := range objects {
		switch it := object.(type) {
		case *core.Service:
			found := count(&meta.LabelSelector{MatchLabels: it.Spec.Selector})
			if len(found) != 1 || found[0] != it.Name {
				fault("the Service %s finds %v", it.Name, found)
			}
		case *networking.NetworkPolicy:
			for _, name := range count(&it.Spec.PodSelector) {
				if name != it.Name && name != it.Name+"-test" {
					fault("the NetworkPolicy %s holds for %s", it.Name, name)
				}
			}
			if len(count(&it.Spec.PodSelector)) == 0 {
				fault("the NetworkPolicy %s holds for no pod", it.Name)
			}
		case *policy.PodDisruptionBudget:
			if len(count(it.Spec.Selector)) == 0 {
				fault("the PodDisruptionBudget %s holds for no pod", it.Name)
			}
		case *monitoring.ServiceMonitor:
			for _, other := range objects {
				if service, yes := other.(*core.Service); yes && !fits(&it.Spec.Selector, service.Labels) {
					fault("the ServiceMonitor %s misses the Service %s", it.Name, service.Name)
				}
			}
		case *apps.Deployment:
			for _, volume := range it.Spec.Template.Spec.Volumes {
				if volume.Name == "config" && (volume.ConfigMap == nil || !made[volume.ConfigMap.Name]) {
					fault("the Deployment %s has no configuration", it.Name)
				}
			}
		}
	}
}
