/** The design tokens as colours that a canvas understands. */

const NAMES = ['surface', 'ink', 'ink-3', 'line', 'accent', 'gain', 'loss', 'chart-grid', 'chart-area', 'chart-area-0', 'chart-loss', 'chart-loss-0', 'chart-volume', 'series-1', 'series-2', 'series-3', 'series-4', 'series-5', 'series-6', 'low', 'high'] as const;
/** Steps of a map, from the worst to the best. */
export const MAP = ['map-down-5', 'map-down-4', 'map-down-3', 'map-down-2', 'map-down-1', 'map-0', 'map-up-1', 'map-up-2', 'map-up-3', 'map-up-4', 'map-up-5'] as const;
const ALL = [...NAMES, ...MAP];
export type Palette = Record<(typeof ALL)[number], string>;

/** Reads the tokens at an element: `light-dark()` is resolved by the browser, not by us. */
export function palette(at: HTMLElement): Palette {
  const probe = document.createElement('span');
  probe.hidden = true;
  at.append(probe);
  const found = Object.fromEntries(
    ALL.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  ) as Palette;
  probe.remove();
  return found;
}

/** The colours of several things side by side; the first is the accent. */
export const SERIES = ['series-1', 'series-2', 'series-3', 'series-4', 'series-5', 'series-6'] as const;

/** A colour between two, both as `rgb(…)`; `share` 0 is the first. */
export function mix(from: string, to: string, share: number): string {
  const parts = (colour: string) => (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
  const [a, b] = [parts(from), parts(to)];
  return `rgb(${[0, 1, 2].map((i) => Math.round((a[i] ?? 0) + ((b[i] ?? 0) - (a[i] ?? 0)) * share)).join(', ')})`;
}

/** From the colour of the lowest to that of the highest, one for each of `count`. */
export function ramp(colours: Palette, count: number): string[] {
  return Array.from({ length: count }, (_, index) => mix(colours.low, colours.high, count < 2 ? 1 : index / (count - 1)));
}
