// What Grafana does between the answers of Prometheus and a panel, by its own library `data` (@grafana/data): frames of
// the answers, transformations, and the options of each field. Used in Node by cells.cjs and in a browser by pictures/.
'use strict';

/** What a graph sets for itself before the panel's own options, as Grafana's panel of time series does. */
const GRAPH = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  spanNulls: false,
  showPoints: 'auto',
  pointSize: 5,
  stacking: { mode: 'none', group: 'A' },
  axisPlacement: 'auto',
  axisLabel: '',
  scaleDistribution: { type: 'linear' },
  hideFrom: { tooltip: false, viz: false, legend: false },
  thresholdsStyle: { mode: 'off' },
};
const CUSTOM = [
  ...['width', 'align', 'cellOptions', 'filterable', 'inspect', 'minWidth', 'wrapText'],
  ...Object.keys(GRAPH),
  ...['lineStyle', 'axisSoftMax', 'axisSoftMin'],
];

module.exports = (data, transformed) => {
  const known = new Set();
  data.standardTransformersRegistry.setInit(() =>
    Object.values(data.standardTransformers)
      .filter((transformer) => !known.has(transformer.id) && known.add(transformer.id))
      .map((transformation) => ({ id: transformation.id, transformation, name: transformation.name }))
  );

  // The options of a field that a panel may set, as Grafana's editors register them.
  const option = (id, process) => ({ id, path: id, name: id, process, shouldApply: () => true, settings: {} });
  const custom = (id) => ({
    ...option(`custom.${id}`, data.identityOverrideProcessor),
    isCustom: true,
    path: id,
    // The axis of time is no axis of values.
    shouldApply: (field) => !id.startsWith('axis') || field.type !== data.FieldType.time,
  });
  const registry = new data.Registry(() => [
    option('unit', data.unitOverrideProcessor),
    option('decimals', data.numberOverrideProcessor),
    option('min', data.numberOverrideProcessor),
    option('max', data.numberOverrideProcessor),
    option('noValue', data.stringOverrideProcessor),
    option('displayName', data.displayNameOverrideProcessor),
    option('mappings', data.valueMappingsOverrideProcessor),
    option('thresholds', data.thresholdsOverrideProcessor),
    option('color', data.identityOverrideProcessor),
    option('links', data.identityOverrideProcessor),
    ...CUSTOM.map(custom),
  ]);

  /** The frame of one query, as the Prometheus data source makes it of an instant query in the format of a table. */
  function tableFrame(refId, series) {
    const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels)))].sort();
    return data.toDataFrame({
      refId,
      fields: [
        { name: 'Time', type: data.FieldType.time, values: series.map((one) => 1000 * one.samples.at(-1)[0]) },
        ...labels.map((label) => ({
          name: label,
          type: data.FieldType.string,
          config: { filterable: true },
          values: series.map((one) => one.labels[label] ?? ''),
        })),
        { name: `Value #${refId}`, type: data.FieldType.number, values: series.map((one) => Number(one.samples.at(-1)[1])) },
      ],
    });
  }

  /** One frame for each series of a tile or a graph; `step` in milliseconds tells where samples are missing. */
  function seriesFrames(target, series, step) {
    return series.map(({ labels, samples }) => {
      const name = target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
      return data.toDataFrame({
        refId: target.refId,
        fields: [
          { name: 'Time', type: data.FieldType.time, config: { interval: step }, values: samples.map(([at]) => 1000 * at) },
          {
            name: 'Value',
            type: data.FieldType.number,
            labels,
            config: { displayNameFromDS: name },
            values: samples.map(([, value]) => Number(value)),
          },
        ],
      });
    });
  }

  /** The frames that a panel is given. `answers` holds for each query its series: `{labels, samples: [[time, value]]}`. */
  async function framesOf(panel, answers, { theme, step, timeZone = 'utc' }) {
    const frames = panel.targets.flatMap((target) => {
      const series = answers[target.refId];
      if (series.length === 0) {
        return [];
      }
      return panel.type === 'table' ? [tableFrame(target.refId, series)] : seriesFrames(target, series, step);
    });
    let fieldConfig = panel.fieldConfig;
    if (panel.type === 'timeseries') {
      const defaults = { ...fieldConfig.defaults, custom: { ...GRAPH, ...fieldConfig.defaults.custom } };
      fieldConfig = { ...fieldConfig, defaults };
    }
    const ready = data.applyFieldOverrides({
      data: await transformed(data.transformDataFrame(panel.transformations ?? [], frames)),
      fieldConfig,
      fieldConfigRegistry: registry,
      replaceVariables: (text) => text,
      theme,
      timeZone,
    });
    data.cacheFieldDisplayNames(ready);
    return ready;
  }

  return { framesOf, registry };
};
