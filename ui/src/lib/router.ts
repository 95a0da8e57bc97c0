/** Which page an address means. Pure; the browser's history is in `navigation.svelte.ts`. */

import { isPurpose, type Purpose } from './api/letters';

export type Route =
  | { page: 'dashboard' }
  | { page: 'setup' }
  | { page: 'sign-in' }
  | { page: 'register' }
  | { page: 'forgotten' }
  | { page: 'link'; purpose: Purpose }
  | { page: 'outbox' }
  | { page: 'data' }
  | { page: 'dataset'; name: string }
  | { page: 'strategies' }
  | { page: 'strategy'; id: string }
  | { page: 'factors' }
  | { page: 'factor'; id: string }
  | { page: 'new-factor' }
  | { page: 'library-factor'; name: string }
  | { page: 'backtests' }
  | { page: 'backtest'; id: string }
  | { page: 'replay'; id: string }
  | { page: 'sweeps' }
  | { page: 'new-sweep' }
  | { page: 'sweep'; id: string }
  | { page: 'audit' }
  | { page: 'backups' }
  | { page: 'users' }
  | { page: 'user'; id: string }
  | { page: 'invitations' }
  | { page: 'approvals' }
  | { page: 'reviews' }
  | { page: 'vendor-keys' }
  | { page: 'machines' }
  | { page: 'licences' }
  | { page: 'watch' }
  | { page: 'inbox' }
  | { page: 'limits' }
  | { page: 'visits' }
  | { page: 'payments' }
  | { page: 'routes' }
  | { page: 'settings' }
  | { page: 'account' }
  | { page: 'security' }
  | { page: 'grant' }
  | { page: 'not-found' };

export function match(path: string): Route {
  let parts: string[];
  try {
    parts = path.split('/').filter((part) => part !== '').map(decodeURIComponent);
  } catch {
    return { page: 'not-found' };
  }
  const [head, tail, more, rest] = parts;
  if (head === 'factors' && tail === 'library' && more !== undefined && rest === undefined) return { page: 'library-factor', name: more };
  if (head === 'backtests' && tail !== undefined && more === 'replay' && rest === undefined) return { page: 'replay', id: tail };
  if (head === 'admin') return administration(tail, more, rest);
  if (more !== undefined) return { page: 'not-found' };
  if (tail === undefined) {
    switch (head) {
      case undefined: return { page: 'dashboard' };
      case 'setup': return { page: 'setup' };
      case 'sign-in': return { page: 'sign-in' };
      case 'register': return { page: 'register' };
      case 'forgotten': return { page: 'forgotten' };
      case 'outbox': return { page: 'outbox' };
      case 'data': return { page: 'data' };
      case 'strategies': return { page: 'strategies' };
      case 'factors': return { page: 'factors' };
      case 'backtests': return { page: 'backtests' };
      case 'sweeps': return { page: 'sweeps' };
      case 'audit': return { page: 'audit' };
      case 'backups': return { page: 'backups' };
      case 'routes': return { page: 'routes' };
      case 'settings': return { page: 'settings' };
      case 'account': return { page: 'account' };
      default: return { page: 'not-found' };
    }
  }
  switch (head) {
    case 'link': return isPurpose(tail) ? { page: 'link', purpose: tail } : { page: 'not-found' };
    case 'account': return tail === 'security' || tail === 'grant' ? { page: tail } : { page: 'not-found' };
    case 'data': return { page: 'dataset', name: tail };
    case 'strategies': return { page: 'strategy', id: tail };
    case 'factors': return tail === 'new' ? { page: 'new-factor' } : { page: 'factor', id: tail };
    case 'backtests': return { page: 'backtest', id: tail };
    case 'sweeps': return tail === 'new' ? { page: 'new-sweep' } : { page: 'sweep', id: tail };
    default: return { page: 'not-found' };
  }
}

/** The pages for those who run the server. */
function administration(tail?: string, more?: string, rest?: string): Route {
  if (rest !== undefined) return { page: 'not-found' };
  if (more !== undefined) return tail === 'users' ? { page: 'user', id: more } : { page: 'not-found' };
  switch (tail) {
    case undefined: return { page: 'users' };
    case 'users': return { page: 'users' };
    case 'invitations': return { page: 'invitations' };
    case 'approvals': return { page: 'approvals' };
    case 'reviews': return { page: 'reviews' };
    case 'vendor-keys': return { page: 'vendor-keys' };
    case 'machines': return { page: 'machines' };
    case 'licences': return { page: 'licences' };
    case 'security': return { page: 'watch' };
    case 'reports': return { page: 'inbox' };
    case 'limits': return { page: 'limits' };
    case 'visits': return { page: 'visits' };
    case 'payments': return { page: 'payments' };
    default: return { page: 'not-found' };
  }
}

/** The pages that need no session. */
export function isOpen(route: Route): boolean {
  return ['setup', 'sign-in', 'register', 'forgotten', 'link'].includes(route.page);
}

/** What a fragment says; one that is not well encoded is taken as it stands. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Only an address inside this site may follow a sign-in. */
export function safeReturn(next: string | null): string {
  if (!next || !next.startsWith('/') || next.startsWith('//') || next.includes('\\')) return '/';
  try {
    const url = new URL(next, 'https://stockade.invalid');
    if (url.origin !== 'https://stockade.invalid' || isOpen(match(url.pathname))) return '/';
    // Dots can fold into a path that names another host: `/.//host` becomes `//host`.
    if (url.pathname.startsWith('//')) return '/';
    return url.pathname + url.search;
  } catch {
    return '/';
  }
}
