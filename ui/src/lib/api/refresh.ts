/**
 * Renews the session once, however many requests and tabs ask at the same moment.
 *
 * Within a tab the callers share one promise. Between tabs a lock orders them, and a
 * stamp in shared storage tells the second tab that the first has just done the work:
 * a refresh token is single use, so asking twice would look like theft.
 */

export interface RefreshWorld {
  /** Asks the server; true when it renewed the session. */
  post: () => Promise<boolean>;
  locks: Pick<LockManager, 'request'> | undefined;
  storage: Pick<Storage, 'getItem' | 'setItem'>;
  now: () => number;
}

const LOCK = 'stockade.refresh';
const STAMP = 'stockade.refreshed';

export class Refresher {
  #world: RefreshWorld;
  #flight: Promise<boolean> | null = null;

  constructor(world: RefreshWorld) {
    this.#world = world;
  }

  /** `failedAt`: when the refused request was sent. A renewal after that needs no second one. */
  refresh(failedAt: number): Promise<boolean> {
    this.#flight ??= this.#locked(failedAt).finally(() => {
      this.#flight = null;
    });
    return this.#flight;
  }

  async #locked(failedAt: number): Promise<boolean> {
    const work = () => this.#once(failedAt);
    const { locks } = this.#world;
    return locks ? await locks.request(LOCK, work) : await work();
  }

  async #once(failedAt: number): Promise<boolean> {
    const { storage, now, post } = this.#world;
    const stamp = Number(storage.getItem(STAMP) ?? 0);
    if (stamp > failedAt) return true;
    const renewed = await post();
    if (renewed) storage.setItem(STAMP, String(now()));
    return renewed;
  }
}
