// Every page in every look, in both languages.
import { fetched } from '../browser.mjs';
import { inspect, settled } from '../looks.mjs';
import { equal, holds } from '../tests.mjs';
import { t } from '../words.mjs';

export async function pages(world, step) {
  const { page } = world;
  const headings = [
    ['dashboard', '/', 'dashboard.title'],
    ['data', '/data', 'data.title'],
    ['factors', '/factors', 'factors.title'],
    ['strategies', '/strategies', 'strategies.title'],
    ['backtests', '/backtests', 'backtests.title'],
    ['audit', '/audit', 'audit.title'],
    ['settings', '/settings', 'settings.title'],
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

  await step('the pages speak German too', async () => {
    await page.goto('/settings');
    await choose(page, 'Deutsch');
    await page.getByRole('heading', { name: t('settings.title', {}, 'de'), level: 1 }).waitFor();
    equal(await page.evaluate(() => document.documentElement.lang), 'de', 'the language of the page');
    await page.goto('/');
    await page.getByRole('heading', { name: t('dashboard.title', {}, 'de'), level: 1 }).waitFor();
    await inspect(page, 'dashboard-german');
    await page.goto(`/factors/${world.factor}`);
    await page.getByRole('tab', { name: t('factor.tab.study', {}, 'de') }).waitFor();
    await inspect(page, 'factor-german');
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
