/** The design tokens as colours that a canvas understands. */

const NAMES = ['surface', 'ink', 'ink-3', 'line', 'accent', 'gain', 'loss', 'chart-grid', 'chart-area', 'chart-area-0', 'chart-loss', 'chart-loss-0', 'chart-volume'] as const;
export type Palette = Record<(typeof NAMES)[number], string>;

/** Reads the tokens at an element: `light-dark()` is resolved by the browser, not by us. */
export function palette(at: HTMLElement): Palette {
  const probe = document.createElement('span');
  probe.hidden = true;
  at.append(probe);
  const found = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  ) as Palette;
  probe.remove();
  return found;
}
