"""Breaks the chart in a copy, one thing at a time, and sees the check that guards it fail. The golden files take no part."""

import shutil
import sys
import tempfile
from pathlib import Path

from . import chart as it
from . import checks

# File, what stands there, what is put in its place, the check that must complain.
MUTANTS = [
    ("templates/deployment.yaml", "replicas: 1", "replicaz: 1", checks.objects),
    ("templates/deployment.yaml", "path\" \"/-/healthy\") | nindent 12 }}", "path\" \"/\") | nindent 12 }}\n            tries: 3", checks.objects),
    ("templates/deployment.yaml", "- name: web\n              containerPort", "- name: http\n              containerPort", checks.objects),
    ("templates/_helpers.tpl", "automountServiceAccountToken: false", "automountServiceAccountToken: true", checks.objects),
    ("templates/deployment.yaml", "- include \"msx.mounts\" $both | nindent 12", "- \"[]\" | indent 1", checks.objects),
    ("templates/deployment.yaml", "if has .name $names", "if has .address $names", checks.refused),
    ("templates/service.yaml", "    app.kubernetes.io/component: exporter\n  ports", "  ports", checks.objects),
    ("templates/networkpolicy.yaml", "masterSelector\" (dict \"root\" $ \"name\" $m.name)", "selector\" $", checks.objects),
    ("templates/networkpolicy.yaml", "protocol: UDP\n        {{- end }}\n      {{- with $cidrs", "protokoll: UDP\n        {{- end }}\n      {{- with $cidrs", checks.objects),
    ("templates/poddisruptionbudget.yaml", "exporterSelector", "selector", checks.objects),
    ("templates/ingress.yaml", "{{ include \"msx.fullname\" $ }}-{{ .name }}", "{{ .name }}", checks.objects),
    ("templates/_helpers.tpl", "app.kubernetes.io/managed-by: {{", "app.kubernetes.io/name: {{", checks.objects),
    ("templates/servicemonitor.yaml", "targetLabel: job", "targetlabel: job", checks.objects),
    ("templates/servicemonitor.yaml", "exporterSelector\" .", "masterSelector\" (dict \"root\" . \"name\" \"x\")", checks.objects),
    ("templates/servicemonitor.yaml", "printf \"%s-%s\" (include \"msx.fullname\" $) .name", "printf \"%s-%s\" .name .name", checks.objects),
    ("templates/configmap.yaml", "{{- end }}", "", checks.lint),
    ("templates/_helpers.tpl", "\"password_file\" \"/run", "\"passwrd_file\" \"/run", checks.configuration),
    ("templates/_helpers.tpl", "/run/secrets/msx_exporter/ca/ca.crt", "/run/secrets/msx_exporter/ca/ca.pem", checks.configuration),
    ("templates/_helpers.tpl", "path: password", "path: pw", checks.configuration),
    ("templates/_helpers.tpl", "\"user\" $login.user", "\"user\" $login.user \"msdb\" $login.password", checks.configuration),
    ("templates/_helpers.tpl", "if not (or $login.existingSecret $login.password)", "if false", checks.refused),
    ("templates/_helpers.tpl", "(urlParse .Values.web.externalUrl).path", "\"\"", checks.probes),
    ("templates/deployment.yaml", "--log.format=", "--log.form=", checks.probes),
    ("templates/prometheusrule.yaml", "has .alert $r.disabled", "not (has .alert $r.disabled)", checks.rules),
    ("templates/prometheusrule.yaml", "dashboard_url: /d/\" (printf", "dashboard_url: /x/\" (printf", checks.rules),
    ("files/rules/prometheusrule.yaml", "and on (job, instance) msx:exporter:seen", "or on (job, instance) msx:exporter:seen", checks.rules),
    ("templates/dashboards.yaml", "$.Files.Get $path |", "$.Files.Get $path | trunc 1000 |", checks.dashboards),
    ("values.yaml", "grafana_dashboard: \"1\"", "grafana_dashboard: \"yes\"", checks.dashboards),
    ("values.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", checks.objects),
    ("values.yaml", "runAsNonRoot: true", "runAsNonRoot: false", checks.objects),
    ("values.schema.json", "\"const\": \"sql\",", "", checks.refused),
    ("values.schema.json", "\"additionalProperties\": false", "\"additionalProperties\": true", checks.refused),
    ("values.schema.json", "\"msdb\": {", "\"msdbs\": {", checks.keys),
    ("README.md", "| `web.authenticated` |", "| `web.auth` |", checks.documented),
]


def main():
    unseen = []
    for file, old, new, check in MUTANTS:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "msx-exporter"
            shutil.copytree(it.CHART, copy)
            text = (copy / file).read_text()
            what = f"{file}: {' '.join(old.split())} → {' '.join(new.split())}"
            if old not in text:
                unseen.append(f"{what}: nothing to break")
                continue
            (copy / file).write_text(text.replace(old, new))
            try:
                faults = check(copy)
            except RuntimeError as refusal:
                faults = [str(refusal)]
            if not faults:
                unseen.append(f"{what}: {check.__name__} did not notice")
    print(f"{len(MUTANTS) - len(unseen)} of {len(MUTANTS)} mutants were noticed")
    return "\n".join(unseen)


if __name__ == "__main__":
    sys.exit(main() or 0)
