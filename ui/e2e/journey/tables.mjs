// The long tables of a result: sorted, filtered, walked by keyboard, taken away; real fills, orders and refusals.
import { readFileSync } from 'node:fs';
import { fetched } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';

/** More than the cash pays for, so that there is something to refuse. */
const TOO_MUCH = (dataset) => `version: 1
name: Too much
data: ${dataset}
signals:
  long: ema(close, 10) > ema(close, 40)
  exit: ema(close, 10) < ema(close, 40)
sizing: { fixed: 400 }
cash: 60000
`;

export async function tables(world, step) {
  const { page } = world;
  const grid = (name) => page.getByTestId(name).getByRole('grid');
  const tab = async (name) => {
    await page.getByRole('tab', { name: t(`result.tab.${name}`), exact: true }).click();
    await page.getByTestId(name).waitFor();
  };
  /** The cells of a column as far as they are drawn. */
  const column = async (name, label) => {
    const heads = await grid(name).getByRole('columnheader').allInnerTexts();
    const at = heads.findIndex((head) => head.trim() === label);
    holds(at >= 0, `${name} has no column ${label}: ${heads}`);
    return grid(name).locator(`tbody tr:not(.gap) > :nth-child(${at + 1})`).allInnerTexts();
  };
  /** Runs a strategy and opens its result. */
  const run = async (text) => {
    const { id } = await page.evaluate(async (what) => {
      const answer = await fetch('/api/v1/backtests', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text: what }) });
      return answer.json();
    }, text);
    await page.goto(`/backtests/${id}`);
    await page.getByRole('tab', { name: t('result.tab.overview') }).waitFor({ timeout: 60_000 });
    return id;
  };
  const figures = (cells) => cells.map((cell) => Number(cell.replace(/[^\d.−-]/g, '').replace('−', '-')));
  const rows = async (name) => Number(await grid(name).getAttribute('aria-rowcount')) - 1;

  await step('a strategy that wants more than it can pay runs', async () => {
    world.crowded = await run(TOO_MUCH(world.dataset));
    world.refused = (await fetched(page, `/api/v1/backtests/${world.crowded}/result`)).body;
    holds(world.refused.summary.refused > 5, `only ${world.refused.summary.refused} refusals`);
  }, { needed: true });

  await step('the fills of a backtest are a table that sorts', async () => {
    await tab('fills');
    equal(await rows('fills'), world.refused.fills.length, 'rows of the grid');
    const head = grid('fills').getByRole('columnheader', { name: t('fill.price') });
    await head.getByRole('button').click();
    equal(await head.getAttribute('aria-sort'), 'descending', 'a figure sorts from the largest first');
    const prices = figures(await column('fills', t('fill.price')));
    equal(prices, [...prices].sort((a, b) => b - a), 'prices, largest first');
    equal(prices[0], Math.max(...world.refused.fills.map((fill) => Number(fill.price))), 'the largest price');
    await head.getByRole('button').click();
    equal(await head.getAttribute('aria-sort'), 'ascending', 'the other way round');
    await head.getByRole('button').click();
    equal(await head.getAttribute('aria-sort'), 'none', 'and back to the order of events');
    await inspect(page, 'table-fills');
  });

  await step('fills are filtered, counted and taken away as CSV', async () => {
    await page.getByTestId('fills').getByRole('button', { name: t('table.filter') }).click();
    await page.getByTestId('fills').getByLabel(t('trade.side'), { exact: true }).selectOption('sell');
    const sells = world.refused.fills.filter((fill) => fill.side === 'sell');
    await eventually('only sells are left', async () => (await rows('fills')) === sells.length);
    holds((await page.getByTestId('fills-count').innerText()).startsWith(String(sells.length)), 'the count says how many are shown');
    const most = Math.max(...sells.map((fill) => Number(fill.price)));
    await page.getByTestId('fills').getByLabel(`${t('fill.price')}: ${t('table.min')}`).fill(String(most));
    await page.keyboard.press('Tab');
    const dearest = sells.filter((fill) => Number(fill.price) >= most);
    await eventually('only the dearest are left', async () => (await rows('fills')) === dearest.length);
    await inspect(page, 'table-fills-filtered');
    const waiting = page.waitForEvent('download');
    await page.getByTestId('fills').getByRole('button', { name: `${t('table.csv')}: ${t('result.tab.fills')}` }).click();
    const lines = readFileSync(await (await waiting).path(), 'utf8').trim().split('\r\n');
    equal(lines.length - 1, dearest.length, 'rows of the file');
    const whole = (await page.evaluate(async (id) => (await fetch(`/api/v1/backtests/${id}/fills.csv`)).text(), world.crowded)).trim().split('\r\n');
    equal(lines[0], whole[0], 'the columns of the page and of the server');
    equal(whole.length - 1, world.refused.fills.length, 'rows of fills.csv');
    await page.getByTestId('fills').getByLabel(`${t('fill.price')}: ${t('table.min')}`).fill('1e9');
    await page.keyboard.press('Tab');
    await page.getByText(t('table.none')).waitFor();
    await page.getByTestId('fills').getByRole('button', { name: t('table.clear') }).first().click();
    await eventually('all are back', async () => (await rows('fills')) === world.refused.fills.length);
  });

  await step('a table is walked with the keyboard, and only what is seen is drawn', async () => {
    const table = grid('fills');
    const drawn = await table.locator('tbody tr:not(.gap)').count();
    holds(drawn < 50 && drawn < world.refused.fills.length, `${drawn} of ${world.refused.fills.length} rows are drawn`);
    await table.focus();
    const at = async () => page.evaluate((id) => document.getElementById(id)?.innerText.trim(), await table.getAttribute('aria-activedescendant'));
    equal(await at(), '1', 'the first cell');
    await page.keyboard.press('Control+End');
    await eventually('the last row is in sight', async () => (await at()) !== undefined && (await at()) !== null);
    await page.keyboard.press('Home');
    equal(await at(), String(world.refused.fills.length), 'the first cell of the last row');
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('Enter');
    const head = table.getByRole('columnheader', { name: t('fill.number') });
    equal(await head.getAttribute('aria-sort'), 'descending', 'Enter at a head sorts');
    await page.keyboard.press('ArrowDown');
    equal(await at(), String(world.refused.fills.length), 'the row of the last fill is the first one now');
  });

  await step('orders, refusals and trades are tables too', async () => {
    await tab('orders');
    const { body: orders } = await fetched(page, `/api/v1/backtests/${world.crowded}/orders`);
    equal(await rows('orders'), orders.rows, 'orders');
    const states = new Set(orders.columns.state.words);
    holds(states.has('filled') && states.has('refused'), `states: ${[...states]}`);
    await inspect(page, 'table-orders');
    await tab('refusals');
    equal(await rows('refusals'), world.refused.summary.refused, 'refusals');
    await grid('refusals').getByText(t('word.cash'), { exact: true }).first().waitFor();
    await inspect(page, 'table-refusals');
    await tab('trades');
    equal(await rows('trades'), world.refused.trades.length, 'trades');
    const profit = grid('trades').getByRole('columnheader', { name: t('trade.pnl') });
    await profit.getByRole('button').click();
    const gains = figures(await column('trades', t('trade.pnl')));
    equal(gains[0], Math.max(...gains), 'the best trade first');
    await inspect(page, 'table-trades');
  });

  await step('a table without rows says so', async () => {
    await run(TOO_MUCH(world.dataset).replace('ema(close, 10) >', 'close < 0 and ema(close, 10) >'));
    for (const [name, words] of [['fills', 'result.fills.none'], ['orders', 'result.orders.none'], ['refusals', 'result.refusals.none'], ['trades', 'result.trades.none']]) {
      await page.getByRole('tab', { name: t(`result.tab.${name}`), exact: true }).click();
      await page.getByText(t(words)).waitFor();
    }
    await inspect(page, 'table-empty');
  });
}
