/** Work on data that a person asks for: one at a time, with an end to it by hand, and what it was asked about. */
export class Run<A, T> {
  value: T | null = $state.raw(null);
  /** What the value answers. */
  asked: A | null = $state.raw(null);
  error: unknown = $state.raw(null);
  running = $state(false);
  #work: (asked: A, signal: AbortSignal) => Promise<T>;
  #abort: AbortController | null = null;

  constructor(work: (asked: A, signal: AbortSignal) => Promise<T>) {
    this.#work = work;
  }

  /** Starts, in place of what runs; true when it ended well. */
  async start(asked: A): Promise<boolean> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.running = true;
    this.error = null;
    try {
      const value = await this.#work(asked, abort.signal);
      if (abort.signal.aborted) return false;
      this.value = value;
      this.asked = asked;
      return true;
    } catch (refusal) {
      if (!abort.signal.aborted) this.error = refusal;
      return false;
    } finally {
      if (this.#abort === abort) this.running = false;
    }
  }

  /** Closes the request, which ends the work on the server too. */
  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.running = false;
  }
}
