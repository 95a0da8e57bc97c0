/** What all charts share: look, language, size. */
import {
  ColorType,
  createChart,
  CrosshairMode,
  LineStyle,
  type ChartOptions,
  type DeepPartial,
  type IChartApi,
} from 'lightweight-charts';
import { palette, type Palette } from './palette';

export interface Look {
  colours: Palette;
  options: DeepPartial<ChartOptions>;
}

export function look(at: HTMLElement, locale: string): Look {
  const colours = palette(at);
  const line = { color: colours['ink-3'], labelBackgroundColor: colours['ink-3'], style: LineStyle.Dotted };
  return {
    colours,
    options: {
      autoSize: true,
      layout: {
        background: { type: ColorType.Solid, color: 'transparent' },
        textColor: colours['ink-3'],
        fontFamily: getComputedStyle(at).fontFamily,
        fontSize: 11,
        // The link that the licence asks for stands below each chart; the logo would need an inline style.
        attributionLogo: false,
      },
      localization: { locale },
      grid: { vertLines: { visible: false }, horzLines: { color: colours['chart-grid'] } },
      crosshair: { mode: CrosshairMode.Magnet, vertLine: line, horzLine: line },
      rightPriceScale: { borderVisible: false, entireTextOnly: true },
      timeScale: { borderVisible: false, fixLeftEdge: true, fixRightEdge: true, minBarSpacing: 0.05 },
      // A page must scroll under the pointer: the wheel zooms nothing here.
      handleScroll: { mouseWheel: false, vertTouchDrag: false },
      handleScale: { mouseWheel: false },
    },
  };
}

export function makeChart(at: HTMLElement, locale: string): { chart: IChartApi; colours: Palette } {
  const { colours, options } = look(at, locale);
  return { chart: createChart(at, options), colours };
}
