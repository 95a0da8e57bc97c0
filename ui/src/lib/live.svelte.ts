/** A job of the server as it happens: by events while they come, by asking when they do not. */
import { api } from './api';
import { request } from './api/client';
import { follow, wait, type ServerEvent } from './api/events';
import { parse as read } from './api/read';
import type { Sweep } from './api/sweeps';
import type { Backtest, ProblemBody } from './api/wire';

const POLL_MS = 2000;
/** Events after which a job says nothing more. */
const LAST = ['done', 'failed', 'cancelled', 'stopped'];

interface Progress { done: number; total: number }

abstract class LiveJob<V extends { state: string }> {
  value: V | null = $state.raw(null);
  done = $state(0);
  total = $state(0);
  link: 'live' | 'broken' | 'polling' = $state('live');
  error: unknown = $state.raw(null);
  problem: ProblemBody | null = $state.raw(null);
  #events: string;
  #read: () => Promise<V>;
  #abort = new AbortController();

  constructor(events: string, read: () => Promise<V>) {
    this.#events = events;
    this.#read = read;
  }

  protected abstract progress(value: V): Progress | null;
  protected abstract refusal(value: V): ProblemBody | null;

  get moving(): boolean {
    return this.value?.state === 'queued' || this.value?.state === 'running';
  }

  /** Follows the job to its end; again, after a job was taken up again. */
  async start(): Promise<void> {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    await this.read();
    if (!this.moving || abort.signal.aborted) return;
    const end = await follow(
      {
        open: (lastId, signal) =>
          request('GET', this.#events, undefined, { signal, headers: { accept: 'text/event-stream', ...(lastId ? { 'last-event-id': lastId } : {}) } }),
        wait,
      },
      { event: (event) => this.#take(event), broken: () => (this.link = 'broken') },
      abort.signal,
    );
    if (end === 'stopped') return;
    if (end === 'finished') await this.read();
    if (this.moving) await this.#poll(abort.signal);
  }

  stop(): void {
    this.#abort.abort();
  }

  protected async read(): Promise<void> {
    try {
      const value = await this.#read();
      this.value = value;
      this.problem = this.refusal(value) ?? this.problem;
      const progress = this.progress(value);
      if (progress) ({ done: this.done, total: this.total } = progress);
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
    return LAST.includes(event.event);
  }

  async #poll(signal: AbortSignal): Promise<void> {
    this.link = 'polling';
    while (this.moving && !signal.aborted) {
      await wait(POLL_MS, signal);
      await this.read();
    }
  }
}

export class LiveBacktest extends LiveJob<Backtest> {
  #id: string;

  constructor(id: string) {
    super(`/backtests/${encodeURIComponent(id)}/events`, () => api.backtest(id));
    this.#id = id;
  }

  async cancel(): Promise<void> {
    await api.cancelBacktest(this.#id);
  }

  protected progress(value: Backtest): Progress | null {
    return value.progress ?? null;
  }

  protected refusal(value: Backtest): ProblemBody | null {
    return value.problem ?? null;
  }
}

export class LiveSweep extends LiveJob<Sweep> {
  #id: string;

  constructor(id: string) {
    super(`/sweeps/${encodeURIComponent(id)}/events`, () => api.sweep(id));
    this.#id = id;
  }

  /** Asks it to stop; its last event says when it has. */
  async halt(): Promise<void> {
    await api.stopSweep(this.#id);
  }

  async resume(): Promise<void> {
    await api.resumeSweep(this.#id);
    this.problem = null;
    void this.start();
  }

  protected progress({ done, sets }: Sweep): Progress {
    return { done, total: sets };
  }

  protected refusal({ problem }: Sweep): ProblemBody | null {
    return problem === null ? null : { title: problem };
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value = read(text);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
