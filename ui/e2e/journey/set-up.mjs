// From the printed link to the owner's account.
import { inspect } from '../looks.mjs';
import { equal, holds } from '../tests.mjs';
import { code, step as timeStep } from '../totp.mjs';
import { ask } from '../trust.mjs';
import { t } from '../words.mjs';

export const OWNER = { email: 'owner@example.org', password: 'nine quiet herons wade upstream' };

export async function setUp(world, step) {
  const { page, link, origin, ca, complaints } = world;

  await step('the server answers with its authority and its headers', async () => {
    const answer = await ask(origin, ca, '/health');
    equal(answer.status, 200, '/health');
    const headers = (await ask(origin, ca, '/')).headers;
    const csp = headers['content-security-policy'] ?? '';
    for (const part of ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"]) {
      holds(csp.includes(part), `the policy lacks ${part}: ${csp}`);
    }
    holds(!csp.includes('unsafe'), `the policy has an unsafe source: ${csp}`);
    equal(headers['x-content-type-options'], 'nosniff', 'x-content-type-options');
    const api = JSON.parse((await ask(origin, ca, '/openapi.json')).text);
    holds(api.openapi?.startsWith('3.1'), `OpenAPI ${api.openapi}`);
  }, { needed: true });

  await step('without an account every door leads to set-up or sign-in', async () => {
    for (const path of ['/api/v1/strategies', '/api/v1/datasets', '/api/v1/audit', '/api/v1/csp-reports']) {
      equal((await ask(origin, ca, path)).status, 401, path);
    }
  });

  await step('the set-up link opens the form', async () => {
    await page.goto(link);
    await page.getByRole('heading', { name: t('setup.account.title') }).waitFor();
    equal(new URL(page.url()).hash, '', 'the token left in the address bar');
    await inspect(page, 'setup-account');
  }, { needed: true });

  await step('a weak password is refused with the reason', async () => {
    await fill(page, 'password123');
    await complaints.expecting(/the console .* 4\d\d/, async () => {
      await page.getByRole('button', { name: t('setup.create') }).click();
      await page.getByRole('alert').first().waitFor();
    });
    holds(await page.getByTestId('setup-account').isVisible(), 'the form is gone');
  });

  await step('the second factor is enrolled with a computed code', async () => {
    await fill(page, OWNER.password);
    await page.getByRole('button', { name: t('setup.create') }).click();
    await page.getByRole('heading', { name: t('setup.totp.title') }).waitFor();
    world.secret = (await page.getByTestId('totp-secret').innerText()).replace(/\s/g, '');
    await inspect(page, 'setup-totp');
    await complaints.expecting(/the console .* 4\d\d/, async () => {
      const wrong = code(world.secret) === '000000' ? '000001' : '000000';
      await page.getByLabel(t('setup.totp.code')).fill(wrong);
      await page.getByRole('button', { name: t('setup.verify') }).click();
      await page.getByRole('alert').first().waitFor();
    });
    world.lastStep = timeStep();
    await page.getByLabel(t('setup.totp.code')).fill(code(world.secret, world.lastStep));
    await page.getByRole('button', { name: t('setup.verify') }).click();
    await page.getByRole('heading', { name: t('setup.codes.title') }).waitFor();
  }, { needed: true });

  await step('ten recovery codes are shown once', async () => {
    world.recovery = await page.getByTestId('recovery-code').allInnerTexts();
    equal(new Set(world.recovery).size, 10, 'different recovery codes');
    await inspect(page, 'setup-codes');
    const enter = page.getByRole('button', { name: t('setup.codes.finish') });
    holds(await enter.isDisabled(), 'one can go on without having stored the codes');
    await page.getByLabel(t('setup.codes.confirm')).check();
    await enter.click();
    await page.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
  }, { needed: true });

  await step('the tokens are out of the reach of script', async () => {
    const cookies = await page.context().cookies();
    for (const cookie of cookies) {
      const what = `${cookie.name}: ${JSON.stringify({ ...cookie, value: '…' })}`;
      holds(cookie.name.startsWith('__Host-') && cookie.httpOnly && cookie.secure, what);
      equal(cookie.sameSite, 'Strict', cookie.name);
    }
    holds(cookies.length >= 2, `only ${cookies.length} cookies`);
    equal(await page.evaluate(() => document.cookie), '', 'cookies that script sees');
  });

  await step('the link works once', async () => {
    const token = decodeURIComponent(new URL(link).hash.replace(/^#(?:token=)?/, ''));
    const body = JSON.stringify({ token, ...OWNER, email: 'second@example.org' });
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(origin, ca, '/api/v1/setup/begin', { method: 'POST', headers, body });
    holds(answer.status >= 400 && answer.status < 500, `a used link answers ${answer.status}`);
  });
}

async function fill(page, password) {
  await page.getByLabel(t('setup.email')).fill(OWNER.email);
  await page.getByLabel(t('setup.display_name')).fill('Ada');
  await page.getByLabel(t('setup.password'), { exact: true }).fill(password);
}
