// Every page in every look, in both languages.
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetched } from '../browser.mjs';
import { inspect, settled } from '../looks.mjs';
import { hiding, plant, plantHiding, unplant } from '../named.mjs';
import { equal, holds } from '../tests.mjs';
import { t } from '../words.mjs';

export async function pages(world, step) {
  const { page } = world;
  const dialog = page.getByRole('dialog');
  const headings = [
    ['dashboard', '/', 'dashboard.title'],
    ['data', '/data', 'data.title'],
    ['factors', '/factors', 'factors.title'],
    ['strategies', '/strategies', 'strategies.title'],
    ['backtests', '/backtests', 'backtests.title'],
    ['audit', '/audit', 'audit.title'],
    ['routes', '/routes', 'routes.title'],
    ['settings', '/settings', 'settings.title'],
    ['account', '/account', 'account.title'],
    ['security', '/account/security', 'security.title'],
    ['not-found', '/no/such/page', 'common.not_found.title'],
  ];
  for (const [name, path, heading] of headings) {
    await step(`the page ${path} in every look`, async () => {
      await page.goto(path);
      await page.getByRole('heading', { name: t(heading), level: 1 }).waitFor();
      await inspect(page, name);
    });
  }

  await step('the pages of one data set, one strategy and one backtest in every look', async () => {
    const [dataset] = (await fetched(page, '/api/v1/datasets')).body;
    for (const [name, path] of [
      ['dataset', `/data/${dataset.name}`],
      ['strategy', `/strategies/${world.strategy}`],
      ['backtest', `/backtests/${world.backtest}`],
    ]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await inspect(page, name);
    }
  });

  await step('signing out is in sight on every page, and no name on it hides what a script means', async () => {
    const [dataset] = (await fetched(page, '/api/v1/datasets')).body;
    const [user] = (await fetched(page, '/api/v1/users')).body.users;
    const more = [
      '/factors/new', `/factors/${world.factor}`, `/data/${dataset.name}`, `/strategies/${world.strategy}`, `/backtests/${world.backtest}`,
      `/backtests/${world.backtest}/replay`, '/sweeps', '/sweeps/new', '/admin/users', `/admin/users/${user.id}`, '/admin/invitations',
      '/admin/approvals', '/admin/reviews',
    ];
    for (const path of [...headings.map(([, one]) => one), ...more]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      for (const width of [1280, 375]) {
        await page.setViewportSize({ width, height: 800 });
        await settled(page);
        const box = await page.getByRole('button', { name: t('nav.signout'), exact: true }).boundingBox();
        const inSight = box && box.width >= 24 && box.height >= 24 && box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= 800;
        holds(inSight, `${path}, ${width} px: ${JSON.stringify(box)}`);
      }
      equal(await hiding(page), [], `names on ${path}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await plantHiding(page, 'cookie');
    equal(await hiding(page), ['cookie of the document'], 'a planted name is found');
    await unplant(page);
  });

  await step('elements with the names of our variables stand in for nothing', async () => {
    await page.goto('/settings');
    await page.getByRole('heading', { name: t('settings.title'), level: 1 }).waitFor();
    await plant(page, ['session', 'navigation', 'api', 'links', 'theme', 'language', 'route', 'stepUp', 'leaving', 'may', 'config', 'stockade', 'fetch', 'trustedTypes', 'location', 'localStorage', 'history']);
    equal(await page.evaluate(() => globalThis.session instanceof Object), true, 'the browser gives the element to whoever asks for a global');
    await page.getByRole('link', { name: t('nav.data') }).click();
    await page.getByRole('heading', { name: t('data.title'), level: 1 }).waitFor();
    equal(new URL(page.url()).pathname, '/data', 'where the link led');
    await page.getByRole('link', { name: t('nav.audit') }).click();
    await page.getByTestId('audit').locator('tbody tr').first().waitFor();
    await unplant(page);
  });

  await step('whoever would leave for another site is told first', async () => {
    await page.goto(`/backtests/${world.backtest}`);
    const link = page.getByRole('link', { name: t('chart.attribution') }).first();
    const opened = [];
    page.context().on('page', (other) => opened.push(other));
    await page.context().route('https://www.tradingview.com/**', (route) => route.fulfill({ contentType: 'text/plain', body: 'elsewhere' }));
    for (const how of [{}, { button: 'middle' }, { modifiers: ['ControlOrMeta'] }]) {
      await link.click(how);
      await dialog.getByText(t('leave.text', { host: 'www.tradingview.com' })).waitFor();
      equal(await page.getByTestId('leave-address').innerText(), 'https://www.tradingview.com/', 'the address');
      await dialog.getByRole('button', { name: t('leave.stay') }).click();
      await dialog.waitFor({ state: 'hidden' });
    }
    await link.focus();
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await inspect(page, 'leave');
    equal(opened.length, 0, 'tabs that opened by themselves');
    await world.complaints.expecting(/a request to elsewhere: https:\/\/www\.tradingview\.com\//, async () => {
      const tab = page.waitForEvent('popup');
      await dialog.getByRole('link', { name: t('leave.go', { host: 'www.tradingview.com' }) }).click();
      const other = await tab;
      await other.waitForLoadState();
      equal(await other.evaluate(() => [document.referrer, window.opener === null]), ['', true], 'what the other site learns');
      await other.close();
    });
    await dialog.waitFor({ state: 'hidden' });
    await page.context().unroute('https://www.tradingview.com/**');
  });

  await step('every part of a result in every look', async () => {
    await page.goto(`/backtests/${world.backtest}`);
    for (const part of ['trades', 'prices', 'measures', 'inputs']) {
      await page.getByRole('tab', { name: t(`result.tab.${part}`) }).click();
      await inspect(page, `backtest-${part}`);
    }
  });

  await step('the log shows what was done, newest first', async () => {
    const { checkpoint, entries } = (await fetched(page, '/api/v1/audit')).body;
    equal(checkpoint.size, entries[0].index + 1, 'the size of the signed checkpoint');
    const indices = entries.map((entry) => entry.index);
    equal(indices, [...indices].sort((a, b) => b - a), 'the order of the entries');
    const kinds = entries.map((entry) => entry.kind).join(' ');
    for (const word of ['backtest', 'strategy']) holds(kinds.includes(word), `no ${word} in ${kinds}`);
    await page.goto('/audit');
    await page.getByText(entries[0].summary).first().waitFor();
  });

  await step('the log is checked from outside, and says that nobody witnesses it', async () => {
    await page.goto('/audit');
    const card = page.getByTestId('witnesses');
    await card.getByText(t('audit.witnesses.none')).waitFor();
    holds((await card.innerText()).includes(`stockade audit verify ${world.origin}`), 'the command');
    const elsewhere = mkdtempSync(join(tmpdir(), 'stockade-outside-'));
    const verify = () => {
      const words = ['--data-dir', elsewhere, 'audit', 'verify', world.origin, '--authority', join(world.data, 'tls', 'authority.pem'), '--json'];
      return JSON.parse(execFileSync(world.binary, words, { encoding: 'utf8', timeout: 60_000 }));
    };
    const first = verify();
    equal([first.verified, first.continues], [true, undefined], 'the first sight');
    const second = verify();
    equal([second.verified, second.continues], [true, first.size], 'the second');
  });

  await step('backups say that there are none, and are only for who runs or watches the server', async () => {
    await page.goto('/settings');
    await page.getByRole('link', { name: t('backups.title') }).click();
    await page.getByTestId('no-backups').waitFor();
    await inspect(page, 'backups');
  });

  await step('the table of routes is the one that the server keeps, and every filter narrows it', async () => {
    const { routes } = (await fetched(page, '/api/v1/routes')).body;
    await page.goto('/settings');
    await page.getByRole('link', { name: t('nav.routes') }).click();
    const rows = page.getByTestId('routes').locator('tbody tr');
    await rows.first().waitFor();
    equal(await rows.count(), routes.length, 'rows of the page');
    await page.getByLabel(t('routes.level')).selectOption('dangerous');
    const dangerous = routes.filter((row) => row.level === 'dangerous');
    equal(await rows.count(), dangerous.length, 'dangerous rows');
    await page.getByLabel(t('routes.role')).selectOption('viewer');
    equal(await rows.count(), dangerous.filter((row) => row.roles.includes('viewer')).length, 'dangerous rows of a viewer');
    await page.getByText(t('routes.empty')).waitFor();
    await page.getByLabel(t('routes.level')).selectOption('');
    await page.getByRole('searchbox').fill('post sweeps');
    holds((await rows.count()) < routes.length, 'a search narrows');
    await page.getByRole('searchbox').fill('');
    await page.getByLabel(t('routes.role')).selectOption('');
    const level = page.getByRole('button', { name: t('routes.level') });
    await level.focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    equal(await page.getByRole('columnheader', { name: t('routes.level') }).last().getAttribute('aria-sort'), 'descending', 'the order');
    holds((await rows.first().innerText()).includes(t('routes.level.dangerous')), 'the strictest route comes first');
  });

  await step('the pages speak German too', async () => {
    await page.goto('/settings');
    await choose(page, 'Deutsch');
    await page.getByRole('heading', { name: t('settings.title', {}, 'de'), level: 1 }).waitFor();
    equal(await page.evaluate(() => document.documentElement.lang), 'de', 'the language of the page');
    await page.goto('/');
    await page.getByRole('heading', { name: t('dashboard.title', {}, 'de'), level: 1 }).waitFor();
    await inspect(page, 'dashboard-german');
    await page.goto('/routes');
    await page.getByRole('heading', { name: t('routes.title', {}, 'de'), level: 1 }).waitFor();
    await inspect(page, 'routes-german');
    await page.goto(`/factors/${world.factor}`);
    await page.getByRole('tab', { name: t('factor.tab.study', {}, 'de') }).waitFor();
    await inspect(page, 'factor-german');
    for (const [name, path, heading] of [['account', '/account', 'account.title'], ['security', '/account/security', 'security.title']]) {
      await page.goto(path);
      await page.getByRole('heading', { name: t(heading, {}, 'de'), level: 1 }).waitFor();
      await inspect(page, `${name}-german`);
    }
    await page.goto('/settings');
    await choose(page, 'English');
    await page.getByRole('heading', { name: t('settings.title'), level: 1 }).waitFor();
    await settled(page);
  });
}

/** A radio button in the clothes of a segment: the label is what is clicked. */
async function choose(page, name) {
  await page.getByRole('radio', { name }).check({ force: true });
}
