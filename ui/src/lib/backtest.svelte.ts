/** A backtest as it happens: by events while they come, by asking when they do not. */
import { api } from './api';
import { request } from './api/client';
import { follow, wait, type ServerEvent } from './api/events';
import type { Backtest, ProblemBody } from './api/wire';

const POLL_MS = 2000;

export class LiveBacktest {
  value: Backtest | null = $state.raw(null);
  done = $state(0);
  total = $state(0);
  link: 'live' | 'broken' | 'polling' = $state('live');
  error: unknown = $state.raw(null);
  problem: ProblemBody | null = $state.raw(null);
  #id: string;
  #abort = new AbortController();

  constructor(id: string) {
    this.#id = id;
  }

  get moving(): boolean {
    return this.value?.state === 'queued' || this.value?.state === 'running';
  }

  async start(): Promise<void> {
    await this.#read();
    if (!this.moving) return;
    const end = await follow(
      {
        open: (lastId, signal) =>
          request('GET', `/backtests/${encodeURIComponent(this.#id)}/events`, undefined, {
            signal,
            headers: { accept: 'text/event-stream', ...(lastId ? { 'last-event-id': lastId } : {}) },
          }),
        wait,
      },
      {
        event: (event) => this.#take(event),
        broken: () => (this.link = 'broken'),
      },
      this.#abort.signal,
    );
    if (end === 'stopped') return;
    if (end === 'finished') await this.#read();
    if (this.moving) await this.#poll();
  }

  stop(): void {
    this.#abort.abort();
  }

  async cancel(): Promise<void> {
    await api.cancelBacktest(this.#id);
  }

  async #read(): Promise<void> {
    try {
      const value = await api.backtest(this.#id);
      this.value = value;
      this.problem = value.problem ?? this.problem;
      if (value.progress) ({ done: this.done, total: this.total } = value.progress);
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  #take(event: ServerEvent): boolean {
    this.link = 'live';
    const data = parse(event.data);
    if (event.event === 'progress') {
      this.done = Number(data['done'] ?? 0);
      this.total = Number(data['total'] ?? 0);
      if (this.value?.state === 'queued') this.value = { ...this.value, state: 'running' };
      return false;
    }
    if (event.event === 'failed') this.problem = (data['problem'] ?? data) as ProblemBody;
    return event.event === 'done' || event.event === 'failed' || event.event === 'cancelled';
  }

  async #poll(): Promise<void> {
    this.link = 'polling';
    while (this.moving && !this.#abort.signal.aborted) {
      await wait(POLL_MS, this.#abort.signal);
      await this.#read();
    }
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
