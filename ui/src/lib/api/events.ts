/**
 * A server-sent event stream over fetch. The browser's EventSource forgets its place when a
 * reconnection is refused (an access token lives ten minutes, a backtest may live longer);
 * this one renews the session and carries `Last-Event-ID` across every reconnection.
 */

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** Splits a stream into events as the HTML standard says; chunks may cut anywhere. */
export class EventParser {
  lastId = '';
  retryMs: number | null = null;
  #rest = '';
  #event = '';
  #data: string[] = [];
  #started = false;

  push(chunk: string): ServerEvent[] {
    let text = this.#rest + chunk;
    if (!this.#started && text.length > 0) {
      this.#started = true;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    const out: ServerEvent[] = [];
    // A lone CR at the very end may be the first half of CRLF: it waits for the next chunk.
    const held = text.endsWith('\r') ? text.length - 1 : text.length;
    const ready = text.slice(0, held);
    const lines = ready.split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? '') + text.slice(held);
    for (const line of lines) {
      const event = this.#line(line);
      if (event) out.push(event);
    }
    return out;
  }

  #line(line: string): ServerEvent | null {
    if (line === '') return this.#dispatch();
    if (line.startsWith(':')) return null;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.lastId = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }

  #dispatch(): ServerEvent | null {
    const event = this.#event || 'message';
    const data = this.#data;
    this.#event = '';
    this.#data = [];
    return data.length === 0 ? null : { id: this.lastId, event, data: data.join('\n') };
  }
}

export interface StreamWorld {
  /** Opens the stream; `lastId` is empty the first time. Renewal on 401 is its business. */
  open: (lastId: string, signal: AbortSignal) => Promise<Response>;
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

export type StreamEnd = 'finished' | 'stopped' | 'gave_up';

export interface StreamHandlers {
  /** Returns true for the last event: the stream is then closed for good. */
  event: (event: ServerEvent) => boolean;
  /** The stream broke and will be opened again. */
  broken?: (attempt: number) => void;
}

const FAILURES_MAX = 5;
const WAIT_MS_MAX = 8000;

/** Follows a stream until its last event, through `FAILURES_MAX` fruitless reconnections in a row. */
export async function follow(world: StreamWorld, handlers: StreamHandlers, signal: AbortSignal): Promise<StreamEnd> {
  let lastId = '';
  let failures = 0;
  while (!signal.aborted) {
    const before = lastId;
    try {
      const response = await world.open(lastId, signal);
      const parser = new EventParser();
      parser.lastId = lastId;
      const last = await drain(response, parser, handlers, (id) => (lastId = id));
      if (last) return 'finished';
    } catch {
      if (signal.aborted) return 'stopped';
    }
    failures = lastId === before ? failures + 1 : 0;
    if (failures >= FAILURES_MAX) return 'gave_up';
    handlers.broken?.(failures);
    await world.wait(Math.min(WAIT_MS_MAX, 500 * 2 ** failures), signal);
  }
  return 'stopped';
}

async function drain(
  response: Response,
  parser: EventParser,
  handlers: StreamHandlers,
  seen: (id: string) => void,
): Promise<boolean> {
  const reader = response.body?.getReader();
  if (!reader) return false;
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return false;
    for (const event of parser.push(decoder.decode(value, { stream: true }))) {
      seen(event.id);
      if (handlers.event(event)) {
        await reader.cancel();
        return true;
      }
    }
  }
}

/** Waits, unless the signal ends first. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
