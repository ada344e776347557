// Grafana's application fills these registries at its start; the components need them for units, thresholds and colors.
import {
  createFieldConfigRegistry,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  ThresholdsMode,
} from '@grafana/data';

const OPTIONS = ['displayName', 'unit', 'min', 'max', 'decimals', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
const EDITORS = ['text', 'number', 'boolean', 'unit', 'select', 'multi-select', 'radio', 'color', 'slider', 'strings'];

export const CUSTOM: Record<string, unknown> = {
  drawStyle: 'line',
  lineWidth: 1,
  fillOpacity: 0,
  lineInterpolation: 'linear',
  pointSize: 5,
  showPoints: 'never',
  spanNulls: false,
  axisPlacement: 'auto',
  axisLabel: '',
  axisWidth: 60,
  axisSoftMin: undefined,
  axisSoftMax: undefined,
  barAlignment: 0,
  gradientMode: 'none',
  stacking: { mode: 'none', group: 'A' },
  scaleDistribution: { type: 'linear' },
  thresholdsStyle: { mode: 'off' },
  hideFrom: { legend: false, tooltip: false, viz: false },
};

function option(id: string, process = (value: any) => value, defaultValue?: unknown): any {
  const nothing = () => null;
  const always = () => true;
  return {
    id, path: id, name: id, description: '', settings: {}, defaultValue, process,
    editor: nothing, override: nothing, shouldApply: always, getItemsCount: () => 0,
  };
}

// JSON has no infinity: the first step of thresholds has null for it.
export function thresholds(found: any): any {
  const steps = found?.steps ?? [{ value: null, color: 'green' }];
  return { mode: found?.mode ?? ThresholdsMode.Absolute, steps: steps.map((one: any) => ({ ...one, value: one.value ?? -Infinity })) };
}

standardEditorsRegistry.setInit(() => EDITORS.map((id) => ({ id, name: id, description: '', editor: (() => null) as any })));
standardFieldConfigEditorRegistry.setInit(() => OPTIONS.map((id) => (id === 'thresholds' ? option(id, thresholds) : option(id))));

export const fields = createFieldConfigRegistry(
  {
    useCustomConfig: (builder: any) => {
      for (const [id, value] of Object.entries(CUSTOM)) {
        builder.addCustomEditor(option(id, undefined, value));
      }
    },
  } as any,
  'timeseries'
);
