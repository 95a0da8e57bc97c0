// The life of an invited member: the letter, the account, an authenticator, a second device, and the end that is stopped.
import { Complaints, fetched, person } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { code, step as timeStep } from '../totp.mjs';
import { t } from '../words.mjs';
import { linkFrom } from './letters.mjs';

export const ERIN = { email: 'erin@example.org', password: 'a grey pony waits behind the ferry' };

export async function member(world, step) {
  const { page, browser, origin } = world;
  // The walk before asked for so much that this network solves puzzles now: 429, an answer, and on.
  const complaints = new Complaints();
  const link = linkFrom(world);
  const erin = await person(browser, origin, complaints);
  const dialog = erin.getByRole('dialog');
  let other;
  let recovery = [];

  await step('an invitation leads to an account in its role', async () => {
    await page.goto('/admin/invitations');
    await page.getByLabel(t('invitations.email')).fill(ERIN.email);
    await page.getByRole('button', { name: t('invitations.send') }).click();
    await page.getByTestId('invitations').locator('tbody tr').first().waitFor();
    await erin.goto(await link(ERIN.email, 'invite'));
    await erin.getByTestId('join').waitFor();
    equal(new URL(erin.url()).hash, '', 'the value left in the address bar');
    await erin.getByLabel(t('setup.display_name')).fill('Erin');
    await erin.getByRole('textbox', { name: t('setup.password') }).fill(ERIN.password);
    await erin.getByRole('button', { name: t('join.submit'), exact: true }).click();
    await erin.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
    equal((await fetched(erin, '/api/v1/session')).body.account.role, 'trader', 'the role of the invitation');
    await page.reload();
    await page.getByText(t('invitations.none')).waitFor();
  }, { needed: true });

  await step('an authenticator is enrolled, and its first code is used up', async () => {
    await erin.goto('/account/security');
    await erin.getByRole('button', { name: t('security.totp.add') }).click();
    ERIN.secret = (await dialog.getByTestId('totp-secret').innerText()).replace(/\s/g, '');
    ERIN.used = timeStep();
    await dialog.getByLabel(t('security.totp.code')).fill(code(ERIN.secret, ERIN.used));
    await dialog.getByLabel(t('proof.password'), { exact: true }).fill(ERIN.password);
    await inspect(erin, 'security-totp');
    await dialog.getByRole('button', { name: t('security.add') }).click();
    await erin.getByTestId('codes').waitFor();
    recovery = await erin.getByTestId('recovery-code').allInnerTexts();
    await erin.getByLabel(t('setup.codes.confirm')).check();
    await erin.getByRole('button', { name: t('security.codes.done') }).click();
    holds(recovery.length > 0, 'no recovery codes');
  }, { needed: true });

  await step('a second device takes both factors, refuses the used code, and is told of by letter', async () => {
    other = await person(browser, origin, complaints);
    await other.goto('/sign-in');
    await other.getByLabel(t('signin.email')).fill(ERIN.email);
    await other.getByLabel(t('signin.password'), { exact: true }).fill(ERIN.password);
    await other.getByRole('button', { name: t('signin.submit'), exact: true }).click();
    await other.getByTestId('sign-in-factor').waitFor();
    await complaints.expecting(/the console .* 401/, async () => {
      await other.getByLabel(t('signin.factor.code')).fill(code(ERIN.secret, ERIN.used));
      await other.getByRole('button', { name: t('signin.factor.submit') }).click();
      await other.getByRole('alert').first().waitFor();
    });
    await eventually('the next code', async () => timeStep() > ERIN.used, 40_000);
    await other.getByLabel(t('signin.factor.code')).fill(code(ERIN.secret));
    await other.getByRole('button', { name: t('signin.factor.submit') }).click();
    await other.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
    await eventually('the letter of the new device', async () => {
      const { letters } = (await fetched(page, '/api/v1/outbox')).body;
      return letters.some((one) => one.to === ERIN.email && /not\s+seen\s+before/.test(one.text));
    });
    await erin.reload();
    await eventually('both sessions are listed', async () => (await erin.getByTestId('sessions').locator('li').count()) === 2);
    await inspect(erin, 'security-two-devices');
  }, { needed: true });

  await step('the account asks to be erased, and the letter stops it and ends all sessions', async () => {
    await erin.goto('/account');
    await erin.getByRole('button', { name: t('account.erase') }).click();
    await dialog.getByLabel(t('proof.password'), { exact: true }).fill(ERIN.password);
    await dialog.getByRole('radio', { name: t('signin.factor.recovery') }).check({ force: true });
    await dialog.getByLabel(t('signin.factor.recovery.code')).last().fill(recovery[0]);
    await dialog.getByRole('button', { name: t('account.erase') }).click();
    await erin.getByTestId('erasure').waitFor();
    await inspect(erin, 'account-erasure-waits');
    await erin.goto(await link(ERIN.email, 'erase-stop'));
    await erin.getByTestId('link-erase-stop').waitFor();
    await inspect(erin, 'link-erase-stop');
    await erin.getByRole('button', { name: t('simple.erase-stop.submit') }).click();
    await erin.getByTestId('link-done').waitFor();
    await complaints.expecting(/the console .* 401/, async () => {
      for (const who of [erin, other]) equal((await fetched(who, '/api/v1/sessions')).status, 401, 'a session that went on');
    });
    await other.context().close();
    await erin.context().close();
    equal(complaints.heard.filter((one) => !/status of 429/.test(one)), [], 'complaints');
  });
}
