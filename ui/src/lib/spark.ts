/** An SVG path for a row of numbers, drawn with attributes only. */

export function sparkPath(values: readonly number[], width: number, height: number, pad = 2): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return '';
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const span = high - low || 1;
  const step = (width - 2 * pad) / (finite.length - 1);
  return finite
    .map((value, index) => {
      const x = (pad + index * step).toFixed(1);
      const y = (height - pad - ((value - low) / span) * (height - 2 * pad)).toFixed(1);
      return `${index === 0 ? 'M' : 'L'}${x} ${y}`;
    })
    .join('');
}

/** At most `count` values, evenly taken, first and last kept. */
export function thin<V>(values: readonly V[], count: number): V[] {
  if (values.length <= count) return [...values];
  const step = (values.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, index) => values[Math.round(index * step)] as V);
}
