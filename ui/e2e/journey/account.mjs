// One's own account: a passkey made and used, tokens, the history, the file, a thief, and what an owner cannot do.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Complaints, fetched, person } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { ask } from '../trust.mjs';
import { t } from '../words.mjs';
import { OWNER } from './set-up.mjs';

const SECURITY = '/account/security';

export async function account(world, step) {
  const { page, complaints, origin, ca } = world;
  const dialog = page.getByRole('dialog');
  const refusals = (work) => complaints.expecting(/the console .* 4\d\d/, work);

  await step('a passkey is made, with password and recovery code as the proof', async () => {
    world.authenticator = await authenticator(page);
    await page.goto(SECURITY);
    await page.getByTestId('factors').waitFor();
    await page.getByRole('button', { name: t('security.passkey.add') }).click();
    await dialog.getByLabel(t('security.passkey.label')).fill('blue key');
    await dialog.getByTestId('proof').getByLabel(t('proof.password'), { exact: true }).fill(OWNER.password);
    await dialog.getByRole('radio', { name: t('signin.factor.recovery') }).check({ force: true });
    await dialog.getByLabel(t('signin.factor.recovery.code')).last().fill(world.recovery[1]);
    await inspect(page, 'security-passkey');
    await dialog.getByRole('button', { name: t('security.add') }).click();
    await page.getByTestId('factors').getByText('blue key').waitFor();
    await inspect(page, 'security');
  }, { needed: true });

  await step('it signs in by itself', async () => {
    await signOut(page);
    await page.goto('/sign-in');
    await page.getByRole('button', { name: t('signin.passkey') }).click();
    await page.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
  }, { needed: true });

  await step('it is the second factor beside the password', async () => {
    await signOut(page);
    await page.goto('/sign-in');
    await page.getByLabel(t('signin.email')).fill(OWNER.email);
    await page.getByLabel(t('signin.password'), { exact: true }).fill(OWNER.password);
    await page.getByRole('button', { name: t('signin.submit'), exact: true }).click();
    await page.getByTestId('sign-in-factor').waitFor();
    holds(await page.getByRole('radio', { name: t('signin.factor.passkey') }).isChecked(), 'the passkey comes first');
    await inspect(page, 'sign-in-passkey');
    await page.getByRole('button', { name: t('signin.factor.submit') }).click();
    await page.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
  });

  await step('a passkey that verifies nobody does not sign in alone', async () => {
    await signOut(page);
    const { cdp, authenticatorId } = world.authenticator;
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await page.goto('/sign-in');
    await page.getByRole('button', { name: t('signin.passkey') }).click();
    await page.getByText(t('passkey.declined')).first().waitFor();
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
    await page.getByRole('button', { name: t('signin.passkey') }).click();
    await page.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
  });

  await step('the password is changed with the passkey as the proof', async () => {
    await page.goto(SECURITY);
    await page.getByRole('button', { name: t('security.password.change') }).click();
    const password = 'seven slow lanterns drift inland';
    await dialog.getByLabel(t('security.password.new'), { exact: true }).fill(password);
    await dialog.getByLabel(t('proof.password'), { exact: true }).fill(OWNER.password);
    await inspect(page, 'security-password');
    await dialog.getByRole('button', { name: t('common.save') }).click();
    await dialog.waitFor({ state: 'hidden' });
    OWNER.password = password;
    equal((await fetched(page, '/api/v1/sessions')).body.length, 1, 'sessions after the change');
  });

  await step('fresh recovery codes are shown once', async () => {
    await page.getByRole('button', { name: t('security.codes.renew') }).click();
    await dialog.getByLabel(t('proof.password'), { exact: true }).fill(OWNER.password);
    await dialog.getByRole('button', { name: t('security.codes.renew') }).click();
    await page.getByTestId('codes').waitFor();
    const codes = await page.getByTestId('recovery-code').allInnerTexts();
    equal(codes.filter((code) => world.recovery.includes(code)), [], 'old codes among the new ones');
    await inspect(page, 'security-codes');
    await page.getByLabel(t('setup.codes.confirm')).check();
    await page.getByRole('button', { name: t('security.codes.done') }).click();
    world.recovery = codes;
  });

  await step('a token is shown once, does what its scope says, and is revoked', async () => {
    await page.getByRole('button', { name: t('tokens.make') }).click();
    await dialog.getByLabel(t('tokens.label'), { exact: true }).fill('nightly');
    await dialog.getByRole('checkbox', { name: 'strategy read' }).check();
    await inspect(page, 'token-form');
    await dialog.getByRole('button', { name: t('tokens.make') }).click();
    const secret = await page.getByTestId('token-secret').innerText();
    await inspect(page, 'token-made');
    await dialog.getByRole('button', { name: t('common.close') }).last().click();
    const by = (path) => ask(origin, ca, path, { headers: { authorization: `Bearer ${secret}` } });
    equal((await by('/api/v1/strategies')).status, 200, 'within its scope');
    equal((await by('/api/v1/audit')).status, 403, 'beyond its scope');
    await page.reload();
    await page.getByTestId('tokens').getByText('nightly').waitFor();
    holds(!(await page.content()).includes(secret), 'the secret is on the page');
    await page.getByRole('button', { name: t('tokens.revoke_of', { name: 'nightly' }) }).click();
    await page.getByText(t('tokens.none')).waitFor();
    equal((await by('/api/v1/strategies')).status, 401, 'revoked');
  });

  await step('a program shows a code, is let in to what the page says, and is taken back', async () => {
    const secret = programSecret();
    const digest = createHash('sha256').update(secret).digest('hex');
    const petition = (body) => ask(origin, ca, '/api/v1/petitions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const asked = await petition({ program: 'night shift', scope: ['strategy_read'], days: 7, digest });
    equal(asked.status, 201, asked.text);
    const { code } = JSON.parse(asked.text);
    await page.goto(SECURITY);
    await page.getByRole('link', { name: t('tokens.asked') }).click();
    await page.getByLabel(t('grant.code')).fill(code.toLowerCase());
    await inspect(page, 'grant-code');
    await page.getByRole('button', { name: t('grant.look') }).click();
    const shown = page.getByTestId('petition');
    await shown.waitFor();
    const words = await shown.innerText();
    for (const word of ['night shift', 'strategy read', '7', '127.0.0.1', t('grant.warning')]) holds(words.includes(word), `${word} is not on the page: ${words}`);
    await inspect(page, 'grant');
    await shown.getByRole('button', { name: t('grant.grant') }).click();
    await page.getByTestId('granted').waitFor();
    await inspect(page, 'granted');
    const by = (path) => ask(origin, ca, path, { headers: { authorization: `Bearer ${secret}` } });
    equal((await by('/api/v1/strategies')).status, 200, 'within what was granted');
    equal((await by('/api/v1/audit')).status, 403, 'beyond it');
    await page.getByTestId('granted').getByRole('link', { name: t('security.title') }).click();
    await page.getByRole('button', { name: t('tokens.revoke_of', { name: 'night shift' }) }).click();
    await page.getByText(t('tokens.none')).waitFor();
    equal((await by('/api/v1/strategies')).status, 401, 'taken back');
  });

  await step('the history tells of it, each entry with its receipt', async () => {
    await page.goto('/account');
    const history = page.getByTestId('history');
    await history.getByText(t('audit.kind.token.revoked')).first().waitFor();
    await inspect(page, 'account');
    const download = page.waitForEvent('download');
    await history.getByRole('link').first().click();
    const receipt = readFileSync(await (await download).path(), 'utf8');
    holds(receipt.includes('tlog-proof'), receipt.slice(0, 80));
  });

  await step('the name is changed, and all that one owns is taken away', async () => {
    await page.getByLabel(t('setup.display_name')).fill('Ada of Stockade');
    await page.getByTestId('rename').getByRole('button').click();
    await page.getByTestId('history').getByText(t('audit.kind.account.renamed')).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: t('account.export') }).click();
    const file = await download;
    equal(file.suggestedFilename(), 'stockade-account.jsonl', 'the name of the file');
    const lines = readFileSync(await file.path(), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    const parts = new Set(lines.map((line) => line.part));
    for (const part of ['profile', 'second-factors', 'sessions', 'strategies', 'backtests', 'history']) {
      holds(parts.has(part), `no ${part} in ${[...parts]}`);
    }
    holds(JSON.stringify(lines).includes('Ada of Stockade'), 'the name is not in the file');
  });

  await step('the last owner cannot have the account erased, and is told why', async () => {
    await page.getByRole('button', { name: t('account.erase') }).click();
    await dialog.getByLabel(t('proof.password'), { exact: true }).fill(OWNER.password);
    await inspect(page, 'account-erase');
    await refusals(async () => {
      await dialog.getByRole('button', { name: t('account.erase') }).click();
      await dialog.getByRole('alert').waitFor();
    });
    holds((await dialog.innerText()).includes('last owner'), 'the reason is not told');
    await page.keyboard.press('Escape');
  });

  await step('a stolen refresh token ends the session for both', async () => {
    const stolen = await page.context().cookies();
    const thief = await person(world.browser, origin, new Complaints());
    await thief.context().addCookies(stolen);
    await thief.goto('/sign-in');
    const renew = (who) => who.evaluate(async () => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
      return (await fetch('/api/v1/session/refresh', init)).status;
    });
    equal(await renew(page), 204, 'the owner renews');
    equal(await renew(page), 204, 'and uses the successor');
    await refusals(async () => {
      equal(await renew(thief), 401, 'the thief comes with the old one');
      await eventually('the session is over', async () => (await fetched(page, '/api/v1/strategies')).status === 401);
    });
    await thief.context().close();
    await refusals(async () => {
      await page.goto('/sign-in');
      await page.getByRole('button', { name: t('signin.passkey') }).click();
      await page.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
    });
    await page.goto('/account');
    await page.getByTestId('history').getByText(t('audit.kind.refresh.reused')).waitFor();
  });
}

/** Chromium's own authenticator in software: it holds passkeys and verifies its user. */
async function authenticator(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options });
  return { cdp, authenticatorId };
}

/** A token's text as a program makes it: 43 digits of base 62, and a checksum in six. */
function programSecret() {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const written = (number, count) => Array.from({ length: count }, (_, place) => digits[Number((number / 62n ** BigInt(count - 1 - place)) % 62n)]).join('');
  const body = written(BigInt(`0x${randomBytes(32).toString('hex')}`), 43);
  const check = createHash('sha256').update(body).digest().readUInt32BE(0);
  return `stk_${body}${written(BigInt(check), 6)}`;
}

async function signOut(page) {
  await page.goto('/settings');
  await page.getByRole('button', { name: t('nav.signout') }).click();
  await page.getByRole('heading', { name: t('signin.title'), level: 1 }).waitFor();
}
