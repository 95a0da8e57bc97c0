// Taking the log away, and the second proof that a stale session is asked for.
import { readFileSync } from 'node:fs';
import { fetched } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';
import { OWNER } from './set-up.mjs';

const EXPORT = '**/api/v1/audit/export';
const STALE = { type: 'urn:stockade:problem:stale', title: 'Forbidden', status: 403, code: 'stale', detail: '' };

/** The session is fresh for five minutes: a walk comes here before they are over. */
export async function takeAway({ page }, step) {
  const dialog = page.getByRole('dialog', { name: t('stepup.title') });

  await step('the log is taken away as a file', async () => {
    await page.goto('/audit');
    const file = await downloaded(page, () => page.getByRole('button', { name: t('audit.export') }).click());
    const { checkpoint } = (await fetched(page, '/api/v1/audit')).body;
    const lines = file.text.trimEnd().split('\n').map((line) => JSON.parse(line));
    equal(file.name, 'stockade-audit.jsonl', 'the name of the file');
    holds(lines.length >= checkpoint.size, `${lines.length} lines of ${checkpoint.size} entries`);
    holds(!(await dialog.isVisible()), 'a fresh session is asked for a proof');
  });
}

export async function stepUp(world, step) {
  const { page, complaints } = world;
  const button = page.getByRole('button', { name: t('audit.export') });
  const dialog = page.getByRole('dialog', { name: t('stepup.title') });

  // Only the age is made up, by one refusal as the server words it; the proof and what follows are real.
  const grownOld = () => page.route(EXPORT, (route) => route.fulfill({
    status: 403, contentType: 'application/problem+json', body: JSON.stringify(STALE),
  }), { times: 1 });

  await step('a stale session is asked who it is, and may decline', async () => {
    await page.goto('/audit');
    await complaints.expecting(/the console .* 403/, async () => {
      await grownOld();
      await button.click();
      await dialog.waitFor();
    });
    await eventually('the focus is in the password', () =>
      page.evaluate(() => document.activeElement?.getAttribute('name') === 'password'));
    await inspect(page, 'step-up');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    const back = await page.evaluate(() => document.activeElement?.textContent?.trim());
    equal(back, t('audit.export'), 'where the focus goes back to');
  });

  await step('a wrong code is refused, a right one goes on with the export', async () => {
    await complaints.expecting(/the console .* 40[13]/, async () => {
      await grownOld();
      await button.click();
      await dialog.getByLabel(t('proof.password'), { exact: true }).fill(OWNER.password);
      await dialog.getByRole('radio', { name: t('signin.factor.recovery') }).check({ force: true });
      await dialog.getByRole('textbox', { name: t('signin.factor.recovery.code') }).fill('9-wrong');
      await dialog.getByRole('button', { name: t('stepup.submit') }).click();
      await dialog.getByRole('alert').waitFor();
      await inspect(page, 'step-up-refused');
    });
    await dialog.getByRole('textbox', { name: t('signin.factor.recovery.code') }).fill(world.recovery[9]);
    const file = await downloaded(page, () => page.keyboard.press('Enter'));
    await dialog.waitFor({ state: 'hidden' });
    holds(file.text.includes('session.stepped_up'), 'the export does not tell of the proof');
  });
}

async function downloaded(page, work) {
  const download = page.waitForEvent('download');
  await work();
  const file = await download;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
}
