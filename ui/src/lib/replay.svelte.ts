/** A run step by step. Of many wishes while one is on its way only the last is asked for. */
import type { Moment, ReplayState } from './api/replay';

export class Replay {
  state: ReplayState | null = $state.raw(null);
  error: unknown = $state.raw(null);
  loading = $state(false);
  #ask: (moment: Moment) => Promise<ReplayState>;
  #wanted: Moment | null = null;

  constructor(ask: (moment: Moment) => Promise<ReplayState>) {
    this.#ask = ask;
  }

  /** Goes to a moment; done when the last one wished for is there. */
  async go(moment: Moment): Promise<void> {
    this.#wanted = moment;
    if (this.loading) return;
    this.loading = true;
    try {
      while (this.#wanted) {
        const asked: Moment = this.#wanted;
        this.#wanted = null;
        this.state = await this.#ask(asked);
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

/** The tick that an address names, as `#tick=137`; null for none. */
export function tickOf(hash: string): number | null {
  const found = /^#tick=(\d{1,12})$/.exec(hash)?.[1];
  return found === undefined || Number(found) < 1 ? null : Number(found);
}

/** The place of the last of some rising times that is at or before another; -1 for none. */
export function lastBy(times: { readonly length: number; readonly [place: number]: number }, by: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= by) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
