// Leaving and coming back: by keyboard alone, with a recovery code, with the app's next code.
import { Complaints, fetched, person } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { code, step as timeStep } from '../totp.mjs';
import { t } from '../words.mjs';
import { OWNER } from './set-up.mjs';

export async function signIn(world, step) {
  const { page, complaints, browser, origin } = world;

  await step('signing out ends the session at once', async () => {
    const before = await page.context().cookies();
    await page.goto('/data');
    await page.getByRole('heading', { name: t('data.title'), level: 1 }).waitFor();
    await tabTo(page, t('nav.signout'), { type: 'button' });
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: t('signin.title'), level: 1 }).waitFor();
    const ghost = await person(browser, origin, new Complaints());
    await ghost.context().addCookies(before);
    await ghost.goto('/sign-in');
    equal((await fetched(ghost, '/api/v1/strategies')).status, 401, 'the old cookies after signing out');
    await ghost.context().close();
  }, { needed: true });

  await step('signing out by two keys leaves nothing of the person in the browser', async () => {
    const other = await person(browser, origin, complaints);
    await withRecoveryCode(other, world.recovery[8]);
    await other.evaluate(async () => {
      // As if a page had kept something: the header of the answer is what takes it away.
      localStorage.setItem('planted', 'x');
      sessionStorage.setItem('planted', 'x');
      await (await caches.open('planted')).put('/planted', new Response('x'));
      await new Promise((done) => {
        indexedDB.open('planted').onsuccess = (event) => done(event.target.result.close());
      });
    });
    const answer = other.waitForResponse((response) => response.url().endsWith('/api/v1/sign-out'));
    await other.keyboard.press('g');
    await other.keyboard.press('x');
    const cleared = (await (await answer).allHeaders())['clear-site-data'] ?? '';
    for (const what of ['"cache"', '"storage"']) holds(cleared.includes(what), `clear-site-data: ${cleared}`);
    await other.getByTestId('sign-in').waitFor();
    const kept = await other.evaluate(async () => ({
      local: Object.keys(localStorage), session: Object.keys(sessionStorage), caches: await caches.keys(),
      databases: (await indexedDB.databases()).map((one) => one.name),
    }));
    equal(kept, { local: [], session: [], caches: [], databases: [] }, 'what the browser keeps');
    // What says that this browser is known, and whose it was not, stays: it signs nobody in.
    equal((await other.context().cookies()).map((one) => one.name), ['__Host-stockade-device'], 'cookies');
    await other.goto('/');
    await other.getByTestId('sign-in').waitFor();
    await other.context().close();
  });

  await step('a password is hidden until one wants to see it, and can be pasted and filled in', async () => {
    const other = await person(browser, origin, complaints, { permissions: ['clipboard-read', 'clipboard-write'] });
    await other.goto('/sign-in');
    const field = other.getByLabel(t('signin.password'), { exact: true });
    const says = () => field.evaluate((one) => [one.type, one.name, one.autocomplete, one.maxLength, one.readOnly]);
    equal(await says(), ['password', 'password', 'current-password', -1, false], 'the field');
    const mail = await other.getByLabel(t('signin.email')).evaluate((one) => [one.type, one.name, one.autocomplete]);
    equal(mail, ['email', 'email', 'username'], 'the field of the address');
    const long = 'pasted '.repeat(20).trim();
    await other.evaluate((text) => navigator.clipboard.writeText(text), long);
    await field.focus();
    await other.keyboard.press('ControlOrMeta+v');
    equal(await field.inputValue(), long, 'what was pasted');
    await other.getByRole('button', { name: t('setup.password.show') }).click();
    equal((await says())[0], 'text', 'the field while it is looked at');
    equal(await field.inputValue(), long, 'what is looked at');
    await other.getByRole('button', { name: t('setup.password.hide') }).click();
    equal((await says())[0], 'password', 'the field afterwards');
    await other.context().close();
  });

  await step('a deep link asks to sign in', async () => {
    await page.goto('/audit');
    await page.getByTestId('sign-in').waitFor();
    await inspect(page, 'sign-in');
  });

  await step('a wrong password and an unknown account get the same answer', async () => {
    const answers = [];
    for (const email of [OWNER.email, 'nobody@example.org']) {
      await complaints.expecting(/the console .* 4\d\d/, async () => {
        await page.getByLabel(t('signin.email')).fill(email);
        await page.getByLabel(t('signin.password'), { exact: true }).fill('seven loud geese fly south');
        const answer = page.waitForResponse((response) => response.url().endsWith('/api/v1/sign-in'));
        await page.getByRole('button', { name: t('signin.submit'), exact: true }).click();
        const response = await answer;
        const body = response.status() === 200 ? Object.keys(await response.json()).sort() : await response.json();
        answers.push([response.status(), body]);
      });
      await page.reload();
      await page.getByTestId('sign-in').waitFor();
    }
    equal(answers[0], answers[1], 'known and unknown account');
  });

  await step('by keyboard alone, with a recovery code', async () => {
    await page.goto('/sign-in?next=%2Fdata');
    await page.getByTestId('sign-in').waitFor();
    await tabTo(page, t('signin.email'));
    await page.keyboard.type(OWNER.email);
    await tabTo(page, t('signin.password'));
    await page.keyboard.type(OWNER.password);
    await page.keyboard.press('Enter');
    await page.getByTestId('sign-in-factor').waitFor();
    await inspect(page, 'sign-in-factor');
    await tabTo(page, t('signin.factor.totp'), { key: 'Shift+Tab', type: 'radio' });
    await page.keyboard.press('ArrowRight');
    await tabTo(page, t('signin.factor.recovery.code'));
    await page.keyboard.type(world.recovery[0]);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: t('data.title'), level: 1 }).waitFor();
    equal(new URL(page.url()).pathname, '/data', 'where the deep link led');
  });

  await step('a recovery code works once, a code of the app too', async () => {
    const other = await person(browser, origin, complaints);
    await passwordOf(other);
    await complaints.expecting(/the console .* 4\d\d/, async () => {
      await other.getByLabel(t('signin.factor.recovery'), { exact: true }).first().check({ force: true });
      await other.getByLabel(t('signin.factor.recovery.code')).last().fill(world.recovery[0]);
      await other.getByRole('button', { name: t('signin.factor.submit') }).click();
      await other.getByRole('alert').first().waitFor();
    });
    await other.getByLabel(t('signin.factor.totp'), { exact: true }).check({ force: true });
    const now = await eventually('the next code of the app', () => timeStep() > world.lastStep && timeStep(), 31_000);
    world.lastStep = now;
    await other.getByLabel(t('signin.factor.code')).fill(code(world.secret, now));
    await other.getByRole('button', { name: t('signin.factor.submit') }).click();
    await other.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
    const thief = await person(browser, origin, complaints);
    await passwordOf(thief);
    await complaints.expecting(/the console .* 4\d\d/, async () => {
      await thief.getByLabel(t('signin.factor.code')).fill(code(world.secret, now));
      await thief.getByRole('button', { name: t('signin.factor.submit') }).click();
      await thief.getByRole('alert').first().waitFor();
    });
    await thief.context().close();
    await other.context().close();
  });

  await step('another session can be ended, and is', async () => {
    const before = (await fetched(page, '/api/v1/sessions')).body;
    holds(before.length >= 2, `only ${before.length} sessions are listed`);
    const other = before.find((session) => !session.current);
    await page.goto('/account/security');
    const name = new RegExp(`^${escape(t('settings.session.end'))}`);
    const buttons = page.getByRole('button', { name });
    await buttons.first().click();
    await eventually('a session is gone', async () => {
      const after = (await fetched(page, '/api/v1/sessions')).body;
      return after.length === before.length - 1 && other;
    });
  });
}

async function withRecoveryCode(page, recovery) {
  await passwordOf(page);
  await page.getByRole('radio', { name: t('signin.factor.recovery') }).check({ force: true });
  await page.getByLabel(t('signin.factor.recovery.code')).last().fill(recovery);
  await page.getByRole('button', { name: t('signin.factor.submit') }).click();
  await page.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
}

async function passwordOf(page) {
  await page.goto('/sign-in');
  await page.getByLabel(t('signin.email')).fill(OWNER.email);
  await page.getByLabel(t('signin.password'), { exact: true }).fill(OWNER.password);
  await page.getByRole('button', { name: t('signin.submit'), exact: true }).click();
  await page.getByTestId('sign-in-factor').waitFor();
}

/** Presses Tab until the field or button with this name has the focus. */
async function tabTo(page, name, { key = 'Tab', type } = {}) {
  for (let presses = 0; presses < 25; presses += 1) {
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element?.labels?.[0]?.innerText;
      return { kind: element?.type, names: [element?.getAttribute('aria-label'), label].filter(Boolean) };
    });
    const wanted = type === 'button' || (type === 'radio') === (focused.kind === 'radio');
    if (wanted && focused.names.some((text) => text.trim() === name)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${name} cannot be reached with ${key}`);
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
