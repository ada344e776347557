// Draws a dashboard with Grafana's chart components. The page gets the dashboard and the answers to its queries in
// `window.page`, and says in `window.drawn` which panels it has drawn, and in `window.problems` what went wrong.
import React from 'react';
import { createRoot } from 'react-dom/client';
import {
  applyFieldOverrides, createTheme, DataFrame, dateTime, FieldType, getFieldDisplayValues, renderMarkdown,
  ThemeContext, toDataFrame,
} from '@grafana/data';
import {
  BarGauge, BarGaugeDisplayMode, BigValue, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, GlobalStyles,
  LegendDisplayMode, PanelChrome, PortalContainer, Table, TimeSeries,
} from '@grafana/ui';
import { CUSTOM, fields, thresholds } from './registry';

interface Series { labels: Record<string, string>; times: number[]; values: number[] }
interface Answer { refId: string; legend: string; series: Series[] }
interface Page { dashboard: any; answers: Record<string, Answer[]>; from: number; to: number; dark: boolean }

const page = (window as any).page as Page;
const problems: string[] = ((window as any).problems = []);
const drawn: string[] = ((window as any).drawn = []);
const theme = createTheme({ colors: { mode: page.dark ? 'dark' : 'light' } } as any);
const same = ((text: string) => text) as any;
const range = { from: dateTime(page.from), to: dateTime(page.to), raw: { from: 'now-3m', to: 'now' } } as any;
const WIDTH = 1400;
const ROW = 30;
const HEADING = 40;
const GAP = 8;

function named(answer: Answer, series: Series): string {
  if (!answer.legend) {
    return Object.keys(series.labels).length ? JSON.stringify(series.labels) : 'value';
  }
  return answer.legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => series.labels[label] ?? '').trim();
}

function config(panel: any): any {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  return {
    defaults: { ...defaults, thresholds: thresholds(defaults.thresholds), custom: { ...CUSTOM, ...(defaults.custom ?? {}) } },
    overrides,
  };
}

function styled(panel: any, frames: DataFrame[]): DataFrame[] {
  const made = { data: frames, fieldConfig: config(panel), replaceVariables: same, theme, timeZone: 'utc', fieldConfigRegistry: fields };
  return applyFieldOverrides(made as any);
}

function frames(panel: any): DataFrame[] {
  const answers = page.answers[panel.id] ?? [];
  return styled(panel, answers.flatMap((answer) => answer.series.map((series) => {
    const name = named(answer, series);
    return toDataFrame({
      refId: answer.refId,
      name,
      fields: [
        { name: 'Time', type: FieldType.time, values: series.times },
        { name, type: FieldType.number, labels: series.labels, values: series.values, config: { displayNameFromDS: name } },
      ],
    });
  })));
}

function shown(panel: any): any[] {
  return getFieldDisplayValues({
    data: frames(panel), fieldConfig: config(panel), replaceVariables: same, theme, timeZone: 'utc', sparkline: true,
    reduceOptions: { calcs: ['lastNotNull'], values: false, ...panel.options?.reduceOptions },
  } as any);
}

function Lines({ panel, width, height }: any) {
  const legend = { showLegend: true, displayMode: LegendDisplayMode.List, placement: 'bottom', calcs: [], ...panel.options?.legend };
  return (
    <TimeSeries frames={frames(panel)} timeRange={range} timeZone={'utc' as any} width={width} height={height} structureRev={1}
      replaceVariables={same} legend={legend as any} options={panel.options as any} />
  );
}

function Numbers({ panel, width, height }: any) {
  const values = shown(panel);
  const across = Math.min(values.length, width > 500 ? 4 : 2);
  const down = Math.ceil(values.length / across);
  return (
    <div style={{ display: 'flex', flexWrap: 'wrap', gap: 2 }}>
      {values.map((one, place) => (
        <BigValue key={place} theme={theme} width={width / across - 2} height={height / down - 2} value={one.display}
          sparkline={panel.options?.graphMode === 'none' ? undefined : one.sparkline} colorMode={panel.options?.colorMode}
          graphMode={panel.options?.graphMode ?? BigValueGraphMode.Area} justifyMode={BigValueJustifyMode.Auto}
          textMode={panel.options?.textMode ?? BigValueTextMode.Auto} />
      ))}
    </div>
  );
}

function Bars({ panel, width, height }: any) {
  const values = shown(panel);
  const each = Math.min(48, height / values.length);
  return (
    <div>
      {values.map((one, place) => (
        <BarGauge key={place} theme={theme} width={width} height={each - 4} itemSpacing={8} value={one.display} field={one.field}
          display={one.view?.getFieldDisplayProcessor(one.colIndex)} displayMode={BarGaugeDisplayMode.Basic} orientation={'horizontal' as any}
          valueDisplayMode={'color' as any} />
      ))}
    </div>
  );
}

// What the transformation `organize` does: columns are left out, ordered and renamed.
function Rows({ panel, width, height }: any) {
  const { indexByName, renameByName } = panel.transformations[0].options;
  const last = (one: Series) => one.values[one.values.length - 1];
  const series = (page.answers[panel.id] ?? []).flatMap((answer) => answer.series).sort((one, two) => last(two) - last(one));
  const columns = Object.keys(renameByName).sort((one, two) => indexByName[one] - indexByName[two]);
  const cells = (name: string) => series.map((one) => (name === 'Value' ? last(one) : one.labels[name] ?? ''));
  const made = toDataFrame({
    fields: columns.map((name) => ({ name: renameByName[name], type: name === 'Value' ? FieldType.number : FieldType.string, values: cells(name) })),
  });
  const [frame] = styled(panel, [made]);
  return <Table data={frame} width={width} height={height} columnMinWidth={80} />;
}

// @grafana/ui has no heatmap: Grafana keeps it in its application. Cells of the same data, in the same colors.
function Spread({ panel, width, height }: any) {
  const limit = (one: Series) => (one.labels.le === '+Inf' ? Infinity : parseFloat(one.labels.le));
  const series = [...(page.answers[panel.id]?.[0]?.series ?? [])].sort((one, two) => (limit(one) < limit(two) ? -1 : 1));
  const own = series.map((one, place) => one.values.map((value, time) => Math.max(0, value - (place ? series[place - 1].values[time] : 0))));
  const most = Math.max(...own.flat(), 1e-9);
  const left = 48;
  const bottom = 18;
  const [cell, line] = [(width - left) / Math.max(1, own[0]?.length ?? 1), (height - bottom) / series.length];
  const clock = (time: number) => new Date(time).toISOString().slice(11, 19);
  const color = theme.colors.text.secondary;
  return (
    <svg width={width} height={height} fontSize={10} fontFamily={theme.typography.fontFamily}>
      {own.map((values, place) => values.map((value, time) => value > 0 && (
        <rect key={`${place} ${time}`} x={left + time * cell} y={height - bottom - (place + 1) * line} width={cell - 0.5} height={line - 1}
          fill="#e8590c" fillOpacity={0.15 + 0.85 * Math.sqrt(value / most)} />
      )))}
      {series.map((one, place) => <text key={one.labels.le} x={left - 4} y={height - bottom - place * line - 2} textAnchor="end" fill={color}>
        {limit(one) === Infinity ? 'longer' : `${limit(one)} s`}</text>)}
      <text x={left} y={height - 4} fill={color}>{clock(page.from)}</text>
      <text x={width} y={height - 4} textAnchor="end" fill={color}>{clock(page.to)}</text>
    </svg>
  );
}

function Words({ panel }: any) {
  return <div className="markdown-html" style={{ padding: 8, fontSize: 13 }} dangerouslySetInnerHTML={{ __html: renderMarkdown(panel.options.content) }} />;
}

const KINDS: Record<string, React.ComponentType<any>> = {
  timeseries: Lines, stat: Numbers, bargauge: Bars, table: Rows, heatmap: Spread, text: Words,
};

class Guarded extends React.Component<any, { failed: boolean }> {
  state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  componentDidCatch(error: Error) {
    problems.push(`${this.props.title}: ${error.message}`);
  }
  componentDidMount() {
    drawn.push(this.props.title);
  }
  render() {
    return this.state.failed ? null : this.props.children;
  }
}

function Panel({ panel, width, height }: any) {
  const Kind = KINDS[panel.type];
  const queried = panel.type !== 'text';
  if (!Kind) {
    problems.push(`${panel.title}: nothing draws panels of type ${panel.type}`);
    return null;
  }
  if (queried && !(page.answers[panel.id] ?? []).some((answer) => answer.series.length)) {
    problems.push(`${panel.title}: no data`);
  }
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding="sm">
      {(inner: number, tall: number) => <Guarded title={panel.title}><Kind panel={panel} width={inner} height={tall} /></Guarded>}
    </PanelChrome>
  );
}

// Rows begin where the panels above them end; a row's heading is taller here than in Grafana's grid of 30 pixels.
function layout(): React.ReactNode[] {
  const unit = WIDTH / 24;
  let added = 0;
  return page.dashboard.panels.map((panel: any) => {
    const { x, y, w, h } = panel.gridPos;
    const top = y * ROW + added;
    if (panel.type === 'row') {
      added += HEADING - ROW;
      return <h4 key={panel.id} style={{ position: 'absolute', left: 4, top: top + 12, margin: 0 }}>{panel.title}</h4>;
    }
    const [width, height] = [w * unit - GAP, h * ROW - GAP];
    return <div key={panel.id} style={{ position: 'absolute', left: x * unit + GAP / 2, top, width, height }}>
      <Panel panel={panel} width={width} height={height} /></div>;
  });
}

const rows = page.dashboard.panels.filter((panel: any) => panel.type === 'row').length;
const tall = Math.max(...page.dashboard.panels.map((panel: any) => (panel.gridPos.y + panel.gridPos.h) * ROW)) + rows * (HEADING - ROW) + 50;
document.body.style.background = theme.colors.background.canvas;
createRoot(document.getElementById('root')!).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <h2 style={{ padding: '12px 4px 0', margin: 0, height: 42 }}>{page.dashboard.title}</h2>
    <div style={{ position: 'relative', width: WIDTH, height: tall - 50 }}>{layout()}</div>
    <PortalContainer />
  </ThemeContext.Provider>
);
