/** The bars around a moment: of a run of a million bars only those near it are asked for. */
import type { Bars } from './api/wire';
import { lastBy } from './replay.svelte';

/** Bars in one question: some screens of them either way. */
export const ASKED = 1600;

/** Whether a part of a series holds the last `back` bars up to a second, as far as the series has them. */
export function covers(part: Pick<Bars, 'bars' | 'first' | 'total'>, second: number, back: number): boolean {
  const times = part.bars.map((bar) => bar[0]);
  const last = lastBy(times, second);
  const begins = part.first === 0 || last - back + 1 >= 0;
  // The bar after the last one here may have opened by then as well.
  const ends = last < times.length - 1 || part.first + times.length >= part.total;
  return begins && ends;
}

export class BarsAround {
  value: Bars | null = $state.raw(null);
  error: unknown = $state.raw(null);
  loading = $state(false);
  #ask: (symbol: string, around: number, limit: number) => Promise<Bars>;
  #wanted: { symbol: string; second: number; back: number } | null = null;

  constructor(ask: (symbol: string, around: number, limit: number) => Promise<Bars>) {
    this.#ask = ask;
  }

  /** Sees to it that the bars up to a second are here; of many wishes at once only the last is asked for. */
  async go(symbol: string, second: number, back: number): Promise<void> {
    this.#wanted = { symbol, second, back };
    if (this.loading) return;
    this.loading = true;
    try {
      while (this.#wanted) {
        const asked: { symbol: string; second: number; back: number } = this.#wanted;
        this.#wanted = null;
        if (this.value?.symbol === asked.symbol && covers(this.value, asked.second, asked.back)) continue;
        this.value = await this.#ask(asked.symbol, asked.second, ASKED);
        this.error = null;
      }
    } catch (refusal) {
      this.#wanted = null;
      this.error = refusal;
    } finally {
      this.loading = false;
    }
  }
}
