// A state timeline, which @grafana/ui does not export: bars by the words and colours of @grafana/data, laid out as
// Grafana's own panel does (neighbours of one state merged, words where they fit, pages of `perPage` rows).
import * as data from '@grafana/data';
import { Pagination, VizLegend } from '@grafana/ui';

const AXIS = 24;
const LEGEND = 28;
const PAGES = 34;

/** What stands in one row: stretches of one state. A missing sample ends one, unless the state goes on at once. */
function stretches(field, times, step, to) {
  const out = [];
  field.values.forEach((value, index) => {
    if (value === null || value === undefined) {
      return;
    }
    const [from, end] = [times[index], Math.min(times[index + 1] ?? to, times[index] + 1.5 * step, to)];
    const last = out.at(-1);
    const shown = field.display(value);
    if (last && last.to >= from && last.text === shown.text) {
      last.to = end;
    } else {
      out.push({ from, to: Math.max(end, from), text: shown.text, colour: shown.color });
    }
  });
  return out;
}

export function Timeline({ panel, frames, width, height, theme, timeRange, step }) {
  const { options } = panel;
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const all = frames.map((frame) => {
    const [time, field] = frame.fields;
    return { name: data.getFieldDisplayName(field, frame, frames), parts: stretches(field, time.values, step, to) };
  });
  const pages = Math.ceil(all.length / options.perPage);
  const rows = all.slice(0, options.perPage);
  const measure = document.createElement('canvas').getContext('2d');
  measure.font = `12px ${theme.typography.fontFamily}`;
  const wide = (text) => measure.measureText(text).width;
  const left = Math.min(width / 2, Math.ceil(Math.max(...rows.map((row) => wide(row.name)))) + 12);
  const inner = width - left - 8;
  const top = 0;
  const area = height - AXIS - LEGEND - (pages > 1 ? PAGES : 0);
  const band = area / rows.length;
  const x = (at) => left + ((at - from) / (to - from)) * inner;
  const legend = [...new Map(all.flatMap((row) => row.parts.map((part) => [part.text, part.colour])))];
  const order = Object.values(panel.fieldConfig.defaults.mappings[0].options);
  legend.sort(([a], [b]) => order.findIndex((o) => o.text === a) - order.findIndex((o) => o.text === b));
  const ticks = Math.max(2, Math.floor(inner / 110));
  const minutes = [1, 2, 5, 10, 15, 30, 60].find((m) => (to - from) / (m * 60e3) <= ticks) ?? 60;
  const marks = [];
  for (let at = Math.ceil(from / (minutes * 60e3)) * minutes * 60e3; at <= to; at += minutes * 60e3) {
    marks.push(at);
  }
  const quiet = theme.colors.text.primary;
  return (
    <div>
      <svg width={width} height={area + AXIS} style={{ display: 'block', fontSize: 12 }}>
        {marks.map((at) => (
          <g key={at}>
            <line x1={x(at)} x2={x(at)} y1={top} y2={area} stroke={theme.colors.border.weak} />
            <text x={x(at)} y={area + 17} textAnchor={x(at) > width - 30 ? 'end' : 'middle'} fill={quiet}>
              {data.dateTimeFormat(at, { format: 'HH:mm', timeZone: 'utc' })}
            </text>
          </g>
        ))}
        {rows.map((row, index) => (
          <g key={row.name + index}>
            <text x={left - 8} y={top + band * (index + 0.5)} textAnchor="end" dominantBaseline="central" fill={quiet}>{row.name}</text>
            {row.parts.map((part, number) => {
              const [start, end] = [x(Math.max(from, part.from)), x(part.to)];
              const high = band * options.rowHeight;
              const y = top + band * index + (band - high) / 2;
              // As Grafana draws it: the colour at its opacity, and words in what contrasts.
              const fits = high >= 13 && wide(part.text) + 8 < end - start;
              return (
                <g key={number}>
                  <rect x={start} y={y} width={Math.max(1, end - start)} height={high} fill={part.colour} fillOpacity={panel.fieldConfig.defaults.custom.fillOpacity / 100} />
                  {fits && options.showValue !== 'never' && (
                    <text x={start + 4} y={y + high / 2} dominantBaseline="central" fill={theme.colors.getContrastText(part.colour, 1.1)}>{part.text}</text>
                  )}
                </g>
              );
            })}
          </g>
        ))}
      </svg>
      {pages > 1 && <div style={{ height: PAGES, display: 'flex', justifyContent: 'center' }}><Pagination currentPage={1} numberOfPages={pages} onNavigate={() => {}} showSmallVersion /></div>}
      <div style={{ height: LEGEND, paddingTop: 4 }}>
        <VizLegend displayMode="list" placement="bottom" items={legend.map(([label, color]) => ({ label, color, yAxis: 1 }))} />
      </div>
    </div>
  );
}
