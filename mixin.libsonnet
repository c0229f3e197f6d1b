// Rules, alerts and dashboards by the convention of mixins, for jsonnet-bundler:
//
//   jb install github.com/msx-exporter/msx_exporter@main
//   local msx = (import 'msx_exporter/mixin.libsonnet') + { _config+:: { selector: 'job=~"msx.*"' } };
//
// They are the files that are shipped, with what _config changes. Needs std.parseYaml: go-jsonnet 0.18 or later.
local thresholds = std.parseYaml(importstr 'alerts/thresholds.yaml');
local shipped = {
  recording: std.parseYaml(importstr 'alerts/msx-recording.yaml').groups,
  alerts: std.flattenArrays([
    std.parseYaml(importstr 'alerts/msx-exporter.yaml').groups,
    std.parseYaml(importstr 'alerts/msx-master.yaml').groups,
    std.parseYaml(importstr 'alerts/msx-targets.yaml').groups,
    std.parseYaml(importstr 'alerts/msx-ports.yaml').groups,
  ]),
};
{
  _config:: {
    // What should be an exporter, as matchers without braces: those that never answered are alerted on too.
    selector: '',
    // A wiki that holds the runbooks, and the Grafana whose dashboards the alerts link to.
    runbooks: 'https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks',
    grafana: '',
    // The names of alerts/thresholds.yaml.
    thresholds: { [name]: thresholds[name].default for name in std.objectFields(thresholds) },
  },
  local config = self._config,

  local withSelector(rule) = rule {
    [if rule.record == 'msx:exporter:seen' && config.selector != '' then 'expr']+:
      'or on (job, instance) label_replace(group by (job, instance) (up{%s}), "role", "master", "", "")\n' % config.selector,
  },
  local withThresholds(rule) = rule {
    expr: std.foldl(
      function(expr, name)
        local place = thresholds[name];
        local figure(number) = std.strReplace(place.expr, '{}', std.toString(number));
        if place.alert == rule.alert && place.severity == rule.labels.severity
        then std.strReplace(expr, figure(place.default), figure(config.thresholds[name])) else expr,
      std.objectFields(thresholds),
      rule.expr
    ),
  },
  local withLinks(rule) = rule {
    annotations+: {
      runbook_url: '%s/%s.md' % [config.runbooks, rule.alert],
      dashboard_url: config.grafana + rule.annotations.dashboard_url,
    },
  },
  local each(groups, change) = { groups: [group { rules: std.map(change, group.rules) } for group in groups] },

  prometheusRules+:: each(shipped.recording, withSelector),
  prometheusAlerts+:: each(shipped.alerts, function(rule) withLinks(withThresholds(rule))),
  grafanaDashboards+:: {
    'msx-overview.json': import 'dashboards/msx-overview.json',
    'msx-target.json': import 'dashboards/msx-target.json',
    'msx-exporter.json': import 'dashboards/msx-exporter.json',
  },
}
