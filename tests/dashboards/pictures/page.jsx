// One dashboard, drawn from recorded answers with Grafana's own components: @grafana/data decides words, units, colours
// and joins, @grafana/ui draws. No Grafana server takes part. Grafana's panel plugins are in no package: the ones here
// are thin, and the state timeline is drawn by timeline.jsx.
import { createRoot } from 'react-dom/client';
import { useState, useEffect } from 'react';
import { lastValueFrom } from 'rxjs';
import * as data from '@grafana/data';
import { BigValue, GlobalStyles, Icon, PanelChrome, ThemeContext, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import '@fontsource/inter/latin-400.css';
import '@fontsource/inter/latin-500.css';
import '@fontsource/roboto-mono/latin-400.css';
import frames from '../frames.cjs';
import { Timeline } from './timeline.jsx';

const { framesOf } = frames(data, lastValueFrom);

// Grafana's grid: 24 columns, cells of 30 pixels, 8 between them, and 16 at the edges of the page.
const CELL = 30;
const GAP = 8;
const EDGE = 16;
const HEAD = 92;

const { dashboard, shot, mode } = window.picture;
// "3 minutes ago" as of the recording.
const clock = Date.now;
const drift = clock() - shot.to;
Date.now = () => clock() - drift;

const theme = data.createTheme({ colors: { mode } });
const timeRange = { from: data.dateTime(shot.from), to: data.dateTime(shot.to), raw: { from: 'now-6h', to: 'now' } };

function Words({ children }) {
  const style = { display: 'flex', height: '100%', alignItems: 'center', justifyContent: 'center', textAlign: 'center' };
  return <div style={{ ...style, color: theme.colors.text.secondary, padding: 8 }}>{children}</div>;
}

function Stat({ panel, frames, width, height }) {
  const { options } = panel;
  const values = () =>
    data.getFieldDisplayValues({
      data: frames,
      reduceOptions: options.reduceOptions,
      fieldConfig: panel.fieldConfig,
      replaceVariables: (text) => text,
      theme,
      timeZone: 'utc',
    });
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={data.getDisplayValueAlignmentFactors}
      renderValue={({ value, count, ...props }) => (
        <BigValue
          {...props}
          value={value.display}
          count={count}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          disableWideLayout={!options.wideLayout}
          theme={theme}
        />
      )}
      width={width}
      height={height}
      source={frames}
      itemSpacing={3}
      autoGrid
      renderCounter={0}
      orientation={options.orientation}
    />
  );
}

/** Marks of alerts, enlistments and starts, as Grafana draws annotations: a dashed line, or a band. */
function withMarks(config) {
  config.addHook('draw', (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const mark of shot.marks) {
      const [left, right] = [mark.from, mark.to].map((at) => plot.valToPos(at, 'x', true));
      const colour = theme.visualization.getColorByName(mark.colour);
      ctx.strokeStyle = ctx.fillStyle = colour;
      ctx.setLineDash([5, 5]);
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + bbox.height);
      ctx.stroke();
      if (right > left) {
        ctx.globalAlpha = 0.06;
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
        ctx.globalAlpha = 1;
        ctx.fillRect(left, bbox.top + bbox.height, right - left, 4);
      }
    }
    ctx.restore();
  });
}

let marked = new WeakSet();
function Lines({ panel, frames, width, height }) {
  return (
    <TimeSeries frames={frames} timeRange={timeRange} timeZone="utc" width={width} height={height} legend={panel.options.legend} options={{}}>
      {(config) => {
        if (!marked.has(config)) {
          marked.add(config);
          withMarks(config);
        }
        return null;
      }}
    </TimeSeries>
  );
}

function Cells({ panel, frames, width, height }) {
  const { cellHeight, showHeader } = panel.options;
  return <TableNG data={frames[0]} width={width} height={height} noHeader={!showHeader} cellHeight={cellHeight} fieldConfig={panel.fieldConfig} enableVirtualization />;
}

function Inside({ panel, frames, width, height }) {
  if (panel.type === 'text') {
    const html = { __html: data.renderMarkdown(panel.options.content) };
    return <div className="markdown-html" style={{ padding: 8 }} dangerouslySetInnerHTML={html} />;
  }
  if (panel.type === 'stat') {
    return <Stat {...{ panel, frames, width, height }} />;
  }
  if (!frames.some((frame) => frame.length)) {
    return <Words>{panel.fieldConfig.defaults.noValue}</Words>;
  }
  if (panel.type === 'table') {
    return <Cells {...{ panel, frames, width, height }} />;
  }
  if (panel.type === 'timeseries') {
    return <Lines {...{ panel, frames, width, height }} />;
  }
  return <Timeline {...{ panel, frames, width, height, theme, timeRange, step: shot.step }} />;
}

function place({ gridPos: { x, y, w, h } }) {
  const column = (window.innerWidth - 2 * EDGE + GAP) / 24;
  return { left: EDGE + x * column, top: HEAD + y * (CELL + GAP), width: w * column - GAP, height: h * (CELL + GAP) - GAP };
}

function Panel({ panel }) {
  const [frames, setFrames] = useState(null);
  const at = place(panel);
  useEffect(() => {
    const answers = shot.answers[panel.title];
    const found = answers ? framesOf(panel, answers, { theme, step: shot.step }) : Promise.resolve([]);
    found.then((result) => {
      setFrames(result);
    });
  }, [panel]);
  const links = panel.fieldConfig?.defaults.links?.length;
  return (
    <div data-panel={panel.title} style={{ position: 'absolute', ...at }}>
      <PanelChrome width={at.width} height={at.height} title={panel.title} description={panel.description} padding={panel.type === 'table' ? 'none' : 'md'} titleItems={links ? <Icon name="external-link-alt" /> : undefined}>
        {(width, height) => (frames ? <Inside {...{ panel, frames, width, height }} /> : null)}
      </PanelChrome>
    </div>
  );
}

function Row({ row }) {
  const style = { position: 'absolute', ...place(row), display: 'flex', alignItems: 'center', gap: 8 };
  return (
    <div style={style}>
      <Icon name={row.collapsed ? 'angle-right' : 'angle-down'} />
      <span style={{ fontSize: 18, fontWeight: 500 }}>{row.title}</span>
      {row.collapsed && <span style={{ color: theme.colors.text.disabled }}>({row.panels.length} panel)</span>}
    </div>
  );
}

function Head() {
  const chip = { border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, padding: '3px 8px', whiteSpace: 'nowrap', overflow: 'hidden', textOverflow: 'ellipsis', maxWidth: 280 };
  const quiet = { color: theme.colors.text.secondary };
  const between = (at) => data.dateTimeFormat(at, { format: 'HH:mm', timeZone: 'utc' });
  return (
    <div style={{ position: 'absolute', left: EDGE, right: EDGE, top: 8 }}>
      <div style={{ display: 'flex', alignItems: 'baseline', gap: 16, whiteSpace: 'nowrap' }}>
        <span style={{ fontSize: 20, fontWeight: 500 }}>{dashboard.title}</span>
        <span style={{ ...quiet, overflow: 'hidden', textOverflow: 'ellipsis', fontSize: 12 }}>
          Drawn with Grafana's component library, not by a Grafana server; state timelines drawn by the project itself.
        </span>
        <span style={{ marginLeft: 'auto' }}>{between(shot.from)} to {between(shot.to)} UTC</span>
      </div>
      <div style={{ display: 'flex', gap: 8, marginTop: 10, alignItems: 'center' }}>
        {shot.variables.map(({ label, text }) => (
          <span key={label} style={chip}><span style={quiet}>{label} </span>{text}</span>
        ))}
        <span style={{ marginLeft: 'auto', display: 'flex', gap: 16 }}>
          {dashboard.links.map((link) => <span key={link.title}><Icon name={link.icon === 'doc' ? 'file-alt' : 'apps'} /> {link.title}</span>)}
        </span>
      </div>
    </div>
  );
}

const bottom = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
window.pictureHeight = HEAD + bottom * (CELL + GAP) + EDGE;

function Picture() {
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{ position: 'relative', height: window.pictureHeight }}>
        <Head />
        {dashboard.panels.map((panel) => (panel.type === 'row' ? <Row key={panel.id} row={panel} /> : <Panel key={panel.id} panel={panel} />))}
      </div>
    </ThemeContext.Provider>
  );
}

document.body.style.background = theme.colors.background.canvas;
document.title = dashboard.title;

/** Words that do not fit where they stand. A long sentence in a wrapped cell, and a name that a reader gave, may not. */
function cutOff(element) {
  const cut = [];
  for (const inner of element.querySelectorAll('*')) {
    const style = getComputedStyle(inner);
    const hides = style.overflowX === 'hidden' || style.textOverflow === 'ellipsis';
    const own = [...inner.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (own && hides && inner.scrollWidth > inner.clientWidth + 1) {
      cut.push(inner.textContent);
    }
  }
  return [...new Set(cut)];
}

/** What was drawn so far. */
function looked() {
  return [...document.querySelectorAll('[data-panel]')].map((element) => {
    const inside = element.querySelector('[data-testid*="panel content"], section > div:last-child');
    const drawn = Boolean(element.querySelector('canvas, svg rect')) || (inside?.textContent ?? '').trim() !== '';
    return { title: element.dataset.panel, drawn, cut: cutOff(element) };
  });
}

/** Tells draw.py what was drawn, once twice the same was seen and no panel is empty, or after as many looks as are left. */
function tell(left = 50, before = '') {
  const panels = looked();
  const now = JSON.stringify(panels);
  if (left > 0 && (now !== before || panels.length === 0 || panels.some((panel) => !panel.drawn))) {
    setTimeout(() => tell(left - 1, now), 300);
    return;
  }
  fetch('/', { method: 'POST', body: JSON.stringify({ faults: window.faults, panels }) });
}

// Fonts first: charts measure their text once.
Promise.all([document.fonts.load('400 14px Inter'), document.fonts.load('500 14px Inter')]).then(() => {
  createRoot(document.getElementById('root')).render(<Picture />);
  tell();
});
