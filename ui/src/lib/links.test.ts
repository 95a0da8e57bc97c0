// Every address that a page makes: of this site or named here, and what goes into it is encoded.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { links } from './api';
import { ownReceipt } from './api/security';
import { elsewhere } from './leaving.svelte';
import { pieces } from './letter';

/** Addresses that are no text of the page itself, and why they are good. */
const MADE: Record<string, string> = {
  'item.href': 'a list of the shell, each a literal',
  'step.href': 'a list of the overview, each a literal',
  'piece.link': 'begins with this origin, as the test of letters says',
  'leaving.to': 'http or https, as the test below says; the person is told of it',
  to: 'of a column: the page of a tick, encoded where it is made',
};
/** The one site that pages lead to. */
const OTHER = ['https://www.tradingview.com/'];

const ADDRESS = /(?:\bhref|\bsrc|\baction|\bformaction)=("[^"]*"|\{(?:[^{}]|\{[^{}]*\})*\})/g;
const GOES = /navigation\.go\(\s*(`[^`]*`|'[^']*')/g;

/** What is wrong with the addresses of a source. */
function wrong(text: string): string[] {
  const found: string[] = [];
  for (const [, given = ''] of text.matchAll(ADDRESS)) {
    if (given.startsWith('{')) {
      const made = given.slice(1, -1);
      if (!(made in MADE) && made !== 'qr' && !/^(links\.\w+(\(.*\))?|ownReceipt\(entry\.index\))$/.test(made)) found.push(given);
    } else if (!encoded(given.slice(1, -1), /\{([^{}]*)\}/g)) found.push(given);
  }
  for (const [, given = ''] of text.matchAll(GOES)) {
    if (!encoded(given.slice(1, -1), /\$\{([^{}]*)\}/g)) found.push(given);
  }
  return found;
}

function encoded(address: string, hole: RegExp): boolean {
  const home = /^(\/(?!\/)|#)/.test(address) || OTHER.includes(address);
  return home && [...address.matchAll(hole)].every(([, made = '']) => /^encodeURIComponent\([^()]*\)$/.test(made));
}

test('no page makes an address of an unknown scheme or of text that is not encoded', () => {
  const source = join(import.meta.dirname, '..');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|svelte)$/.test(name) && !name.includes('.test.'));
  const all = files.map((name) => ({ name, text: readFileSync(join(source, name), 'utf8') }));
  expect(all.flatMap(({ text }) => [...text.matchAll(ADDRESS)]).length).toBeGreaterThan(60);
  expect(all.flatMap(({ name, text }) => wrong(text).map((found) => `${name}: ${found}`))).toEqual([]);
});

test('the rule bites', () => {
  const bad = [
    '<a href="/data/{name}">', '<a href={user.site}>', '<a href="https://evil.example/">', '<a href="//evil.example/">', '<a href="{scheme}:x">',
    '<form action={to.x}>', '<img src={picture}>', 'navigation.go(`/data/${name}`)', "navigation.go('https://evil.example/')",
    '<a href="/data/{encodeURIComponent(a) + b}">',
  ];
  for (const text of bad) expect(wrong(text), text).toHaveLength(1);
  for (const text of ['<a href="/data/{encodeURIComponent(name)}">', '<a href={links.trades(id)} download>', "navigation.go('/data')"]) expect(wrong(text), text).toEqual([]);
});

const HOSTILE = ['../../x', 'a/b?c=d#e', '"><b>', 'javascript:alert(1)', '//evil.example', '%2e%2e', '\\evil', 'ä 漢'];

test('whatever an id holds, it stays one part of a path of this site', () => {
  for (const id of HOSTILE) {
    for (const address of [links.table(id, 'fills'), links.trades(id), links.tearsheet(id), links.studyReport(id)]) {
      const url = new URL(address, 'https://stockade.invalid');
      expect(url.origin + url.pathname, address).toBe(`https://stockade.invalid${address}`);
      expect([url.search, url.hash, address.startsWith('/api/v1/')], address).toEqual(['', '', true]);
      expect(address.split('/').map(decodeURIComponent), address).toContain(id);
    }
  }
  expect([links.receipt(7), ownReceipt(7)]).toEqual(['/api/v1/audit/7/receipt', '/api/v1/account/history/7/receipt']);
});

test('a letter leads nowhere else, whatever its text holds', () => {
  for (const text of HOSTILE) expect(pieces(text, 'https://localhost:8443').some((piece) => 'link' in piece), text).toBe(false);
});

test('only pages elsewhere are asked about, and nothing of another scheme is', () => {
  const here = 'https://localhost:8443';
  const check = (href: string, expected: string | null) => expect(elsewhere(href, here), href).toBe(expected);
  check('https://www.tradingview.com/', 'https://www.tradingview.com/');
  check('//evil.example/x', 'https://evil.example/x');
  check('http://localhost:8443/', 'http://localhost:8443/');
  check('https://localhost:8444/', 'https://localhost:8444/');
  check('/data', null);
  check(`${here}/data`, null);
  for (const href of ['javascript:alert(1)', 'data:text/html,x', 'blob:https://localhost:8443/x', 'mailto:a@b', 'https://']) check(href, null);
});

beforeEach(() => {
  vi.stubGlobal('location', { origin: 'https://localhost:8443', pathname: '/data', search: '', hash: '' });
  vi.stubGlobal('window', { scrollTo: () => {} });
});
afterEach(() => vi.unstubAllGlobals());

test('going somewhere never leaves this site', async () => {
  const gone: string[] = [];
  vi.stubGlobal('history', { pushState: (_: null, __: string, url: URL) => gone.push(url.href) });
  const { navigation } = await import('./navigation.svelte');
  for (const to of ['https://evil.example/', '//evil.example/', 'javascript:alert(1)', 'data:text/html,x', '/\\evil.example']) navigation.go(to);
  expect(gone).toEqual([]);
  navigation.go('/sweeps/a%2Fb?x=1');
  expect(gone).toEqual(['https://localhost:8443/sweeps/a%2Fb?x=1']);
});
