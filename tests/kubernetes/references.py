"""What the API server does not look at: that the objects of a release find one another, and what a pod may do."""

from collections import Counter


def fits(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def of_pod(what, spec, probed):
    """One container whose mounts and volumes are each other's, whose probes ask its own ports, and which has no rights."""
    (container,) = spec["containers"]
    volumes = [volume["name"] for volume in spec.get("volumes", [])]
    mounts = [mount["name"] for mount in container.get("volumeMounts") or []]
    if sorted(volumes) != sorted(mounts):
        yield f"{what}: mounts {mounts} of the volumes {volumes}"
    ports = {port["name"] for port in container.get("ports", [])}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe") if probed else ():
        asked = container.get(probe, {})
        if (asked.get("httpGet") or asked.get("tcpSocket") or {}).get("port") not in ports:
            yield f"{what}: {probe} asks no port of its own"
    rights = container.get("securityContext", {})
    wanted = {
        "mounts no token": spec.get("automountServiceAccountToken") is False,
        "is not root": spec.get("securityContext", {}).get("runAsNonRoot") is True,
        "has a root that cannot be written": rights.get("readOnlyRootFilesystem") is True,
        "says how much memory it takes": all("memory" in container["resources"].get(one, {}) for one in ("requests", "limits")),
    }
    yield from (f"{what}: not true that it {words}" for words, holds in wanted.items() if not holds)


def of_release(objects):
    """Every selector finds the pods that it is meant for, and no other; a Service none of a test."""
    by = {kind: [one for one in objects if one["kind"] == kind] for kind in Counter(one["kind"] for one in objects)}
    names = Counter((one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]) for one in objects)
    yield from (f"{' '.join(name)} is there twice" for name, count in names.items() if count > 1)
    pods = {}
    for one in by.get("Deployment", []) + by.get("Pod", []):
        template = one["spec"].get("template", one)
        pods[one["metadata"]["name"]] = template["metadata"]["labels"]
        yield from of_pod(f"{one['kind']} {one['metadata']['name']}", template["spec"], one["kind"] == "Deployment")

    def found(selector):
        return {name for name, labels in pods.items() if fits(selector, labels)}

    exporters = {one["metadata"]["name"] for one in by.get("Deployment", [])}
    for one in by.get("Service", []):
        if found(one["spec"]["selector"]) != {one["metadata"]["name"]}:
            yield f"the Service {one['metadata']['name']} finds {found(one['spec']['selector'])}"
    for one in by.get("NetworkPolicy", []):
        name, held = one["metadata"]["name"], found(one["spec"]["podSelector"]["matchLabels"])
        if name not in held or held - {name, f"{name}-test"}:
            yield f"the NetworkPolicy {name} holds for {held}"
    for one in by.get("PodDisruptionBudget", []):
        if found(one["spec"]["selector"]["matchLabels"]) != exporters:
            yield f"the PodDisruptionBudget {one['metadata']['name']} holds for {found(one['spec']['selector']['matchLabels'])}"
    for one in by.get("ServiceMonitor", []):
        missed = [each["metadata"]["name"] for each in by.get("Service", [])
                  if not fits(one["spec"]["selector"]["matchLabels"], each["metadata"]["labels"])]  # fmt: skip
        yield from (f"the ServiceMonitor misses the Service {name}" for name in missed)
    services = {each["metadata"]["name"] for each in by.get("Service", [])}
    for one in by.get("Ingress", []):
        asked = {path["backend"]["service"]["name"] for rule in one["spec"]["rules"] for path in rule["http"]["paths"]}
        if asked != services:
            yield f"the Ingress leads to {asked}, and the Services are {services}"
    for one in by.get("ScrapeConfig", []):
        asked = {target.partition(".")[0] for each in one["spec"]["staticConfigs"] for target in each["targets"]}
        if asked != services:
            yield f"the ScrapeConfig asks {asked}, and the Services are {services}"
    made = {each["metadata"]["name"] for each in by.get("ConfigMap", [])}
    for one in by.get("Deployment", []):
        volumes = {each["name"]: each for each in one["spec"]["template"]["spec"]["volumes"]}
        if volumes["config"]["configMap"]["name"] not in made:
            yield f"the Deployment {one['metadata']['name']} has no configuration"
        if not fits(one["spec"]["selector"]["matchLabels"], pods[one["metadata"]["name"]]):
            yield f"the Deployment {one['metadata']['name']} does not find its own pods"
