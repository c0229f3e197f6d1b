// Reads what live.py recorded, and answers what each tile and each table would show, by Grafana's own library: its
// transformations, overrides, mappings, thresholds and units. No Grafana server takes part.
//
//   node cells.cjs RECORDED CELLS            with NODE_PATH on a folder that holds @grafana/data and jsdom
'use strict';

const fs = require('fs');
const { JSDOM } = require('jsdom');

const { window } = new JSDOM('', { url: 'http://localhost/' });
Object.assign(globalThis, { window, document: window.document, HTMLElement: window.HTMLElement, Node: window.Node });
globalThis.navigator ??= window.navigator;
window.matchMedia = () => ({ matches: false, addListener() {}, removeListener() {} });

const data = require('@grafana/data');
const { lastValueFrom } = require('rxjs');

const known = new Set();
data.standardTransformersRegistry.setInit(() =>
  Object.values(data.standardTransformers)
    .filter((transformer) => !known.has(transformer.id) && known.add(transformer.id))
    .map((transformation) => ({ id: transformation.id, transformation, name: transformation.name }))
);

// The options of a field that a panel may set, as Grafana's editors register them.
const option = (id, process) => ({ id, path: id.replace('custom.', ''), name: id, process, shouldApply: () => true, settings: {} });
const custom = (id) => ({ ...option(`custom.${id}`, data.identityOverrideProcessor), isCustom: true, path: id });
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
  ...['width', 'align', 'cellOptions', 'filterable', 'inspect', 'minWidth'].map(custom),
]);
const theme = data.createTheme({ colors: { mode: 'dark' } });

/** The frame of one query, as the Prometheus data source makes it of an instant query in the format of a table. */
function tableFrame(refId, series) {
  const labels = [...new Set(series.flatMap(([held]) => Object.keys(held)))].sort();
  return data.toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: data.FieldType.time, values: series.map(() => 0) },
      ...labels.map((label) => ({
        name: label,
        type: data.FieldType.string,
        config: { filterable: true },
        values: series.map(([held]) => held[label] ?? ''),
      })),
      { name: `Value #${refId}`, type: data.FieldType.number, values: series.map(([, value]) => value) },
    ],
  });
}

/** One frame for each series of a tile. */
function seriesFrames(target, series) {
  return series.map(([labels, value]) => {
    const name = target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
    return data.toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: data.FieldType.time, values: [0] },
        { name: 'Value', type: data.FieldType.number, labels, config: { displayNameFromDS: name }, values: [value] },
      ],
    });
  });
}

async function shown({ panel, answers }) {
  let frames = panel.targets.flatMap((target) => {
    const series = answers[target.refId];
    if (series.length === 0) {
      return [];
    }
    return panel.type === 'table' ? [tableFrame(target.refId, series)] : seriesFrames(target, series);
  });
  frames = await lastValueFrom(data.transformDataFrame(panel.transformations ?? [], frames));
  frames = data.applyFieldOverrides({
    data: frames,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registry,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  const cell = (field, row) => {
    const value = field.display(field.values[row]);
    return { text: data.formattedValueToString(value), color: value.color };
  };
  return frames.map((frame) => ({
    columns: frame.fields.map((field) => data.getFieldDisplayName(field, frame, frames)),
    rows: Array.from({ length: frame.length }, (_, row) => frame.fields.map((field) => cell(field, row))),
  }));
}

async function main() {
  const recorded = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
  const all = [];
  for (const look of recorded) {
    all.push({ scenario: look.scenario, uid: look.uid, title: look.panel.title, frames: await shown(look) });
  }
  fs.writeFileSync(process.argv[3], JSON.stringify(all));
}

main();
