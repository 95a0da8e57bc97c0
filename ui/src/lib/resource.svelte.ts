/** Something fetched: loading, there, or refused. A later load overtakes an earlier one. */
export class Resource<T> {
  value: T | null = $state.raw(null);
  error: unknown = $state.raw(null);
  loading = $state(false);
  #turn = 0;
  #fetch: () => Promise<T>;

  constructor(fetch: () => Promise<T>) {
    this.#fetch = fetch;
  }

  async load(): Promise<void> {
    const turn = ++this.#turn;
    this.loading = true;
    try {
      const value = await this.#fetch();
      if (turn !== this.#turn) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (turn === this.#turn) this.error = error;
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }
}
