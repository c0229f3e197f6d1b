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

const { framesOf } = require('./frames.cjs')(data, lastValueFrom);
const theme = data.createTheme({ colors: { mode: 'dark' } });

async function shown({ panel, answers }) {
  const series = Object.entries(answers).map(([ref, held]) => [
    ref,
    held.map(([labels, value]) => ({ labels, samples: [[0, value]] })),
  ]);
  const frames = await framesOf(panel, Object.fromEntries(series), { theme });
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
