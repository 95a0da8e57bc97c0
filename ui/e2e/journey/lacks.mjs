// Browsers that lack something: what docs/accounts.md says of each lack is so.
import { readFileSync } from 'node:fs';
import { Complaints, person } from '../browser.mjs';
import { inspect, picture, settled } from '../looks.mjs';
import { equal, holds } from '../tests.mjs';
import { t } from '../words.mjs';
import { OWNER } from './set-up.mjs';

/** The first words of each row of the page's table: a lack that is written down is walked, and the other way round. */
function written() {
  const page = readFileSync(new URL('../../../docs/accounts.md', import.meta.url), 'utf8');
  const part = page.split('\n## What a browser must have\n')[1]?.split('\n## ')[0] ?? '';
  return [...part.matchAll(/^\| (?!lacks|-)([^|]+?) \|/gm)].map(([, name]) => name);
}

export async function lacks(world, step) {
  const { browser, origin, page } = world;
  const complaints = new Complaints();
  /** A browser of its own from which this was taken before any page is loaded. */
  async function without(script, options = {}) {
    const other = await person(browser, origin, complaints, options);
    if (script) await other.context().addInitScript(script);
    return other;
  }

  const walks = {
    'scripts': async () => {
      const other = await without(null, { javaScriptEnabled: false });
      await other.goto('/sign-in');
      // Text inside of noscript is found by its element only.
      const told = other.locator('noscript');
      await told.waitFor();
      holds(/needs JavaScript/.test(await told.innerText()), 'what is told');
      await picture(other, 'no-scripts');
      await other.context().close();
    },
    'cookies and site data': async () => {
      const other = await without(() => Object.defineProperty(globalThis, 'localStorage', {
        get() { throw new DOMException('refused', 'SecurityError'); },
      }));
      await complaints.expecting(/an error of the page: refused/, async () => {
        await other.goto('/sign-in');
        await other.getByText(/needs cookies and site data/).waitFor();
      });
      equal(await other.getByTestId('sign-in').count(), 0, 'forms that cannot work');
      await inspect(other, 'no-site-data').catch((error) => {
        // There is a sentence and no page: landmarks and headings are none.
        if (!/landmark|heading/.test(error.message)) throw error;
      });
      await other.context().close();
    },
    'passkeys': async () => {
      const other = await without(() => Reflect.deleteProperty(globalThis, 'PublicKeyCredential'));
      await other.goto('/sign-in');
      await other.getByTestId('sign-in').waitFor();
      equal(await other.getByRole('button', { name: t('signin.passkey') }).count(), 0, 'a button for passkeys');
      await other.getByLabel(t('signin.email')).fill(OWNER.email);
      await other.getByLabel(t('signin.password'), { exact: true }).fill(OWNER.password);
      await other.getByRole('button', { name: t('signin.submit'), exact: true }).click();
      await other.getByTestId('sign-in-factor').waitFor();
      equal(await other.getByRole('radio', { name: t('signin.factor.passkey') }).count(), 0, 'a passkey to choose');
      holds(await other.getByRole('radio', { name: t('signin.factor.recovery') }).count() > 0, 'no other factor to choose');
      await other.context().close();
    },
    'locks between tabs': async () => {
      const other = await without(() => Reflect.deleteProperty(Navigator.prototype, 'locks'));
      await signedInAs(page, other);
      equal(await other.evaluate(() => 'locks' in navigator), false, 'locks');
      await other.goto('/');
      await other.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
      await other.context().close();
    },
    'workers': async () => {
      const other = await without(() => Reflect.deleteProperty(globalThis, 'Worker'));
      // The walk of the letters brought puzzles about; if they are over by now, one is asked again.
      const worked = other.waitForRequest((request) => request.headers()['stockade-work'] !== undefined);
      await askedForPuzzle(other);
      await other.goto('/forgotten');
      await other.getByLabel(t('signin.email')).fill('nobody@example.org');
      await other.getByRole('button', { name: t('letter.submit') }).click();
      await worked;
      await other.getByTestId('letter-sent').waitFor();
      await other.context().close();
    },
    'a clipboard': async () => {
      const other = await without(() => Reflect.deleteProperty(Navigator.prototype, 'clipboard'));
      await signedInAs(page, other);
      await other.goto('/audit');
      await settled(other);
      const button = other.getByRole('button', { name: new RegExp(`^${t('common.copy')}`) }).first();
      await button.click();
      await other.getByText(t('common.not_copied'), { exact: true }).waitFor();
      equal(await other.getByTestId('announcer').innerText(), t('common.not_copied.text'), 'what is announced');
      await inspect(other, 'not-copied');
      await other.context().close();
    },
  };

  await step('what the book says of browsers is what is walked here', async () => {
    equal(written(), Object.keys(walks), 'the rows of docs/accounts.md');
  });
  for (const [name, walk] of Object.entries(walks)) await step(`a browser without ${name}`, walk);
  await step('no page of them complained of anything else', async () => {
    equal(complaints.heard.filter((one) => !/status of 429/.test(one)), [], 'complaints');
  });
}

/** The session of one page in another browser, for as long as its access token is good. */
async function signedInAs(page, other) {
  await other.context().addCookies(await page.context().cookies());
}

/** Asks for so much that a puzzle comes first. */
async function askedForPuzzle(page) {
  await page.goto('/forgotten');
  await page.getByTestId('ask-letter').waitFor();
  const asked = await page.evaluate(async () => {
    for (let n = 0; n < 40; n += 1) {
      const body = JSON.stringify({ wish: 'reset', email: `lack${n}@example.org` });
      const answer = await fetch('/api/v1/letters', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (answer.status === 429 && (await answer.json()).code === 'work') return true;
    }
    return false;
  });
  holds(asked, 'no puzzle is asked');
}
