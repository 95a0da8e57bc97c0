/** Who is signed in. The tokens themselves are in cookies that no script can read. */
import { api } from './api';
import { renew, whenSignedOut } from './api/client';
import type { Account, Session } from './api/types';
import { navigation } from './navigation.svelte';
import { isOpen, safeReturn } from './router';

const HINT = 'stockade.signed_in';

class SessionState {
  state: Session['state'] | 'unknown' = $state('unknown');
  account: Account | null = $state(null);
  failed: unknown = $state(null);

  async start(): Promise<void> {
    whenSignedOut(() => this.#over());
    this.failed = null;
    try {
      let session = await api.session();
      // The hint spares a stranger's first visit a renewal that cannot succeed.
      if (session.state === 'none' && localStorage.getItem(HINT) && (await renew())) {
        session = await api.session();
      }
      this.#take(session);
    } catch (error) {
      this.failed = error;
    }
  }

  signedIn(account: Account | null): void {
    this.account = account;
    this.state = 'signed_in';
    localStorage.setItem(HINT, '1');
  }

  async signOut(): Promise<void> {
    await api.signOut();
    this.#over('/');
  }

  #take(session: Session): void {
    if (session.state === 'signed_in') this.signedIn(session.account ?? null);
    else this.state = session.state;
  }

  #over(next = navigation.path + navigation.search): void {
    this.account = null;
    this.state = 'none';
    localStorage.removeItem(HINT);
    navigation.guard = null;
    if (isOpen(navigation.route)) return;
    const back = safeReturn(next);
    navigation.go(back === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(back)}`, 'replace');
  }
}

export const session = new SessionState();
