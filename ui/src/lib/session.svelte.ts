/** Who is signed in. The tokens themselves are in cookies that no script can read. */
import { api } from './api';
import { renew, whenSignedOut } from './api/client';
import type { Account, Session } from './api/wire';
import { language } from './i18n/index.svelte';
import { navigation } from './navigation.svelte';
import { isOpen, safeReturn } from './router';
import { shortcutsEnabled } from './shortcuts-choice.svelte';
import { theme } from './theme.svelte';

const HINT = 'stockade.signed_in';

class SessionState {
  state: Session['state'] | 'unknown' = $state('unknown');
  account: Account | null = $state(null);
  /** Who may make an account: `open`, `invite` or `closed`. */
  registration = $state('invite');
  failed: unknown = $state(null);
  /** The origin at which passkeys work, if the server has a name. */
  passkeyOrigin: string | null = $state(null);

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

  renamed(display_name: string): void {
    if (this.account) this.account = { ...this.account, display_name };
  }

  async signOut(): Promise<void> {
    // A page with something unsaved asks first, as before any other way out.
    if (navigation.guard && !navigation.guard()) return;
    const { locale, chosen } = language;
    await api.signOut();
    // The server empties this site's storage; how the pages look is no secret and stays.
    theme.keep();
    shortcutsEnabled.choose(shortcutsEnabled.on);
    if (chosen) language.choose(locale);
    this.#over('/');
  }

  #take(session: Session): void {
    this.registration = session.registration ?? 'invite';
    this.passkeyOrigin = session.passkey_origin ?? null;
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
