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
    await page.goto('/settings');
    await page.getByRole('button', { name: t('settings.signout') }).click();
    await page.getByRole('heading', { name: t('signin.title'), level: 1 }).waitFor();
    const ghost = await person(browser, origin, new Complaints());
    await ghost.context().addCookies(before);
    await ghost.goto('/sign-in');
    equal((await fetched(ghost, '/api/v1/strategies')).status, 401, 'the old cookies after signing out');
    await ghost.context().close();
  }, { needed: true });

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
        await page.getByRole('button', { name: t('signin.submit') }).click();
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
    await page.goto('/settings');
    const name = new RegExp(`^${escape(t('settings.session.end'))}`);
    const buttons = page.getByRole('button', { name });
    await buttons.first().click();
    await eventually('a session is gone', async () => {
      const after = (await fetched(page, '/api/v1/sessions')).body;
      return after.length === before.length - 1 && other;
    });
  });
}

async function passwordOf(page) {
  await page.goto('/sign-in');
  await page.getByLabel(t('signin.email')).fill(OWNER.email);
  await page.getByLabel(t('signin.password'), { exact: true }).fill(OWNER.password);
  await page.getByRole('button', { name: t('signin.submit') }).click();
  await page.getByTestId('sign-in-factor').waitFor();
}

/** Presses Tab until the field with this name has the focus. */
async function tabTo(page, name, { key = 'Tab', type } = {}) {
  for (let presses = 0; presses < 25; presses += 1) {
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element?.labels?.[0]?.innerText;
      return { kind: element?.type, names: [element?.getAttribute('aria-label'), label].filter(Boolean) };
    });
    const wanted = (type === 'radio') === (focused.kind === 'radio');
    if (wanted && focused.names.some((text) => text.trim() === name)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${name} cannot be reached with ${key}`);
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
