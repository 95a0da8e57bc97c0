/** The address bar as state. Links stay plain links; clicks inside the site do not reload. */
import { elsewhere, leaving } from './leaving.svelte';
import { match, type Route } from './router';

class Navigation {
  path = $state(location.pathname);
  search = $state(location.search);
  route: Route = $derived(match(this.path));
  /** Asked before leaving a page; returns false to stay. */
  guard: (() => boolean) | null = null;

  go(to: string, how: 'push' | 'replace' = 'push'): void {
    if (this.guard && !this.guard()) return;
    this.guard = null;
    const url = new URL(to, location.origin);
    if (url.origin !== location.origin) return;
    if (url.hash && url.pathname === location.pathname && url.search === location.search) {
      // Another place on this very page: who listens for it hears of it.
      location.hash = url.hash;
      return;
    }
    if (how === 'push') history.pushState(null, '', url);
    else history.replaceState(null, '', url);
    this.#read();
    window.scrollTo(0, 0);
  }

  start(): void {
    window.addEventListener('popstate', () => {
      if (this.guard && !this.guard()) {
        history.pushState(null, '', this.path + this.search);
        return;
      }
      this.guard = null;
      this.#read();
    });
    document.addEventListener('click', (event) => this.#click(event));
    // The middle button opens links too.
    document.addEventListener('auxclick', (event) => this.#leave(event));
  }

  #read(): void {
    this.path = location.pathname;
    this.search = location.search;
  }

  /** Another site is never entered by surprise: `Leave` says where the link leads, and holds the one that goes. */
  #leave(event: MouseEvent): boolean {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const to = link && elsewhere(link.href, location.origin);
    if (!to || 'told' in link.dataset) return false;
    event.preventDefault();
    leaving.to = to;
    return true;
  }

  #click(event: MouseEvent): void {
    if (this.#leave(event)) return;
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || link.pathname === '/openapi.json') return;
    // A place on this very page is the browser's own business.
    if (link.hash && link.pathname === location.pathname) return;
    if (match(link.pathname).page === 'not-found') return;
    event.preventDefault();
    this.go(link.pathname + link.search + link.hash);
  }
}

export const navigation = new Navigation();
