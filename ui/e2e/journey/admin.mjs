// The administration: people of another system come in, one is looked at and changed, invited, approved, reviewed.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetched, person } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';
import { OWNER } from './set-up.mjs';

// bcrypt's own test string for "correct horse".
const HASH = '$2b$12$abcdefghijklmnopqrstuuFDJRuYeKkCzo3Wy7h8SxhBSHBAHiPK2';
const PEOPLE = [['tom@people.example', 'Tom', 'trader'], ['sue@people.example', 'Sue', 'support']];

export async function admin(world, step) {
  const { page, complaints, browser, origin, binary, data } = world;
  const button = (key, values) => page.getByRole('button', { name: t(key, values), exact: true });
  const heading = (key) => page.getByRole('heading', { name: t(key), level: 1 });
  const confirm = async () => {
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: t('confirm.go') }).click();
    await dialog.waitFor({ state: 'hidden' });
  };

  await step('people of another system come in by one command, or none of them', async () => {
    const file = join(data, 'people.csv');
    const command = (...more) => execFileSync(binary, ['--data-dir', data, '--json', 'users', 'import', file, ...more], { encoding: 'utf8' });
    const rows = PEOPLE.map(([email, name, role]) => `${email},${name},${role},${HASH}`);
    writeFileSync(file, ['email,name,role,hash', ...rows, `boss@people.example,Boss,admin,${HASH}`].join('\n'));
    let refused;
    try {
      command();
    } catch (error) {
      refused = error;
    }
    equal(refused?.status, 3, 'the exit code of a file with a bad line');
    equal(JSON.parse(refused.stdout).refused.map((one) => one.line), [4], 'the bad line');
    writeFileSync(file, ['email,name,role,hash', ...rows].join('\n'));
    equal(JSON.parse(command('--check')).imported, 0, 'what a check imports');
    equal(JSON.parse(command()).imported, 2, 'imported accounts');
  }, { needed: true });

  await step('the list of users, and one found by the whole address', async () => {
    await page.goto('/');
    await page.getByRole('link', { name: t('nav.admin') }).click();
    await heading('users.title').waitFor();
    const rows = page.getByTestId('users').locator('tbody tr');
    await eventually('three people are listed', async () => (await rows.count()) === 3);
    await inspect(page, 'users');
    await page.getByLabel(t('users.search')).fill('TOM@people.example');
    await button('users.search.go').click();
    await eventually('one is found', async () => (await rows.count()) === 1);
    await rows.first().getByRole('link', { name: 'Tom' }).click();
    await page.getByRole('heading', { name: 'Tom', level: 1 }).waitFor();
    world.tom = new URL(page.url()).pathname.split('/').at(-1);
    const { body } = await fetched(page, `/api/v1/users/${world.tom}`);
    equal([body.password, body.totp, body.sessions], [true, false, 0], 'what Tom holds');
    await inspect(page, 'user');
  }, { needed: true });

  await step('a role is changed, an account disabled and enabled, a reset begun', async () => {
    await page.getByLabel(t('admin.role')).selectOption('viewer');
    await button('user.role.set').click();
    await inspect(page, 'user-confirm');
    await confirm();
    await page.getByTestId('said').waitFor();
    const standing = async () => (await fetched(page, `/api/v1/users/${world.tom}`)).body.user;
    equal((await standing()).role, 'viewer', 'the role');
    await button('user.disable').click();
    await confirm();
    await button('user.enable').waitFor();
    equal((await standing()).standing, 'disabled', 'the standing');
    await button('user.enable').click();
    await confirm();
    await button('user.reset').click();
    await confirm();
    await button('user.disable').waitFor();
    equal((await standing()).standing, 'active', 'the standing');
  });

  await step('a vendor’s key is sealed by the keyboard alone, told of by fingerprint, and removed', async () => {
    const canary = 'canary-of-a-vendor-5f20c1';
    await page.goto('/admin/vendor-keys');
    await heading('vendors.title').waitFor();
    await page.getByLabel(t('vendors.vendor'), { exact: true }).focus();
    await page.keyboard.type('polygon');
    await page.keyboard.press('Tab');
    await page.keyboard.type(canary);
    await page.keyboard.press('Enter');
    const row = page.getByTestId('vendor-keys').locator('tbody tr');
    await row.waitFor();
    const { body } = await fetched(page, '/api/v1/vendor-keys');
    equal(body.keys.map((one) => one.vendor), ['polygon'], 'the vendors');
    holds((await row.innerText()).includes(body.keys[0].fingerprint), 'the fingerprint is shown');
    holds(!(await page.content()).includes(canary), 'the key is nowhere on the page');
    equal(await page.getByLabel(t('vendors.key'), { exact: true }).inputValue(), '', 'the field');
    await inspect(page, 'vendor-keys');
    await button('vendors.remove.of', { vendor: 'polygon' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await inspect(page, 'vendor-keys-confirm');
    await dialog.getByRole('button', { name: t('vendors.remove'), exact: true }).press('Enter');
    await page.getByText(t('vendors.none')).waitFor();
  });

  await step('all sessions end but the one that asks', async () => {
    await page.goto('/admin/users');
    await button('users.end_all').click();
    await inspect(page, 'users-end-all');
    await confirm();
    await page.getByTestId('said').waitFor();
    equal((await fetched(page, '/api/v1/sessions')).body.length, 1, 'one’s own session, and no other');
    await page.goto(`/admin/users/${world.tom}`);
  });

  await step('the log of one account is a click away', async () => {
    await page.getByRole('link', { name: t('user.log') }).click();
    await heading('audit.title').waitFor();
    const rows = page.getByTestId('audit').locator('tbody tr');
    await rows.first().waitFor();
    const kinds = await rows.locator('.tag').allInnerTexts();
    for (const kind of ['account.role_changed', 'account.disabled', 'account.enabled', 'account.reset_begun', 'password.imported', 'accounts.viewed']) {
      holds(kinds.includes(kind), `${kind} is not in ${kinds}`);
    }
    holds(!kinds.includes('server.started'), 'what tells of others is filtered out');
    await inspect(page, 'audit-account');
    await page.getByLabel(t('audit.since'), { exact: true }).fill('2020-01-01');
    await page.getByLabel(t('audit.until'), { exact: true }).fill('2020-01-02');
    await button('audit.apply').click();
    await page.getByText(t('audit.empty')).waitFor();
  });

  await step('somebody is invited, and the invitation taken back', async () => {
    await page.goto('/admin/invitations');
    await heading('invitations.title').waitFor();
    await page.getByLabel(t('invitations.email')).fill('new@people.example');
    await button('invitations.send').click();
    const rows = page.getByTestId('invitations').locator('tbody tr');
    await rows.first().waitFor();
    await inspect(page, 'invitations');
    await complaints.expecting(/the console .* 409/, async () => {
      await page.getByLabel(t('invitations.email')).fill(OWNER.email);
      await button('invitations.send').click();
      await page.getByTestId('refusal').waitFor();
    });
    await button('invitations.withdraw.of', { email: 'new@people.example' }).click();
    await page.getByText(t('invitations.none')).waitFor();
  });

  await step('a sole owner proposes an administrator, waits, and takes it back', async () => {
    await page.goto(`/admin/users/${world.tom}`);
    await page.getByLabel(t('admin.role')).selectOption('admin');
    await button('user.role.propose').click();
    await confirm();
    await page.getByTestId('said').waitFor();
    await page.goto('/admin/approvals');
    await page.getByText(t('approvals.act.set_role', { person: 'Tom', role: 'admin' })).waitFor();
    equal(await button('approvals.carry').count(), 0, 'it can be carried out before a day is over');
    await inspect(page, 'approvals');
    await button('approvals.cancel').click();
    await page.getByText(t('approvals.none')).waitFor();
    await inspect(page, 'approvals-none');
  });

  await step('the access review lists who may do what', async () => {
    await page.goto('/admin/reviews');
    await heading('reviews.title').waitFor();
    equal(await page.getByTestId('duty').innerText(), t('reviews.done'), 'the duty');
    const rows = page.getByTestId('grants').locator('tbody tr');
    equal(await rows.count(), 3, 'grants');
    holds((await rows.first().innerText()).includes('owner'), 'the owner comes first');
    await inspect(page, 'reviews');
  });

  await step('a machine is added by a token that is shown once, and put out', async () => {
    await page.goto('/admin/machines');
    await heading('machines.title').waitFor();
    await page.getByTestId('machines-closed').waitFor();
    await page.getByText(t('machines.none')).waitFor();
    await complaints.expecting(/the console .* 422/, async () => {
      await page.getByLabel(t('machines.name')).fill('server/x');
      await button('machines.add').click();
      await page.getByRole('alert').waitFor();
    });
    await page.getByLabel(t('machines.name')).fill('bot/eu-1');
    await button('machines.add').click();
    const shown = page.getByTestId('machine-token');
    await shown.waitFor();
    holds((await shown.innerText()).includes('--token stockade-join-'), 'the token');
    await inspect(page, 'machine-token');
    await shown.getByRole('button', { name: t('common.close') }).click();
    const row = page.getByTestId('machines').locator('tbody tr');
    await row.filter({ hasText: 'bot/eu-1' }).waitFor();
    await inspect(page, 'machines');
    await page.getByRole('button', { name: t('machines.revoke.of', { machine: 'bot/eu-1' }) }).click();
    await page.getByTestId('machine-leaving').getByRole('button').click();
    await row.getByText(t('machines.out'), { exact: true }).waitFor();
    holds(!(await page.content()).includes('stockade-join-'), 'the token is gone from the page');
  });

  await step('a licence is issued, its file is handed out once, and it is revoked for good', async () => {
    await page.goto('/admin/licences');
    await heading('licences.title').waitFor();
    await page.getByText(t('licences.none')).waitFor();
    await button('licences.issue').click();
    const form = page.getByTestId('issue-licence');
    await form.getByLabel(t('licences.paid_until')).fill('2090-01-01');
    await form.getByLabel(t('licences.note')).fill('order 4711');
    await inspect(page, 'issue-licence');
    await form.getByRole('button').click();
    const fresh = page.getByTestId('fresh-licence');
    await fresh.waitFor();
    await inspect(page, 'fresh-licence');
    await fresh.getByRole('button', { name: t('common.close') }).click();
    const row = page.getByTestId('licences').locator('tbody tr');
    await row.filter({ hasText: 'order 4711' }).waitFor();
    const id = await row.locator('th').innerText();
    await page.getByRole('button', { name: t('licences.show.of', { id }) }).click();
    await page.getByText(t('licences.instances.none')).waitFor();
    await inspect(page, 'licences');
    await page.getByRole('button', { name: t('licences.of.revoke', { id }) }).click();
    await page.getByTestId('licence-turning').getByRole('button').click();
    await row.getByText(t('licences.state.revoked'), { exact: true }).waitFor();
  });

  await step('whoever may not administrate sees nothing of it', async () => {
    const tom = await person(browser, origin, complaints);
    await tom.goto('/sign-in');
    await tom.getByLabel(t('signin.email')).fill('tom@people.example');
    await tom.getByLabel(t('signin.password'), { exact: true }).fill('correct horse');
    await tom.getByRole('button', { name: t('signin.submit'), exact: true }).click();
    await tom.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
    equal(await tom.getByRole('link', { name: t('nav.admin') }).count(), 0, 'links to the administration');
    equal(await tom.getByRole('link', { name: t('nav.audit') }).count(), 0, 'links to the log');
    await complaints.expecting(/the console .* 403/, async () => {
      await tom.goto('/admin/users');
      await tom.getByTestId('refusal').waitFor();
    });
    holds((await fetched(page, `/api/v1/users/${world.tom}`)).body.sessions === 1, 'his session is counted');
    await tom.context().close();
  });
}
