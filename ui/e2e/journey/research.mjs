// The main job: prices, a strategy with an error and its repair, a backtest, its result, the same by command.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetched, write } from '../browser.mjs';
import { inspect, picture } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { ask } from '../trust.mjs';
import { t } from '../words.mjs';

export async function research(world, step) {
  const { page } = world;

  await step('the sample prices are there, with their findings', async () => {
    const { body } = await fetched(page, '/api/v1/datasets');
    const stocks = body.find((set) => set.symbols.includes('AAPL'));
    holds(stocks, `no data set with AAPL: ${JSON.stringify(body.map((set) => set.name))}`);
    equal(stocks.rows, 12_154, 'rows of the sample');
    world.dataset = stocks.name;
    await page.goto(`/data/${stocks.name}`);
    await page.getByRole('heading', { name: t('data.detail.quality') }).waitFor();
    await page.getByRole('combobox', { name: t('data.detail.symbol') }).selectOption('AAPL');
    await page.getByRole('img', { name: /AAPL/ }).first().waitFor();
  }, { needed: true });

  await step('a strategy starts from a template', async () => {
    await page.goto('/strategies');
    await page.getByTestId('template-ema').click();
    await page.getByTestId('strategy-text').waitFor();
    await page.getByText(t('strategy.problems.none')).waitFor();
    world.strategy = page.url().split('/').pop();
    const { body } = await fetched(page, `/api/v1/strategies/${world.strategy}`);
    world.text = body.text;
  }, { needed: true });

  await step('an error is shown where it is, and repaired', async () => {
    await write(page, world.text.replace(/ema\(close, \d+\)/, 'emma(close, 10)'));
    const problem = page.getByTestId('problems').getByRole('button').first();
    await problem.waitFor();
    const said = await problem.innerText();
    holds(/ema/.test(said), `the problem does not name the right word: ${said}`);
    await eventually('the text is underlined', async () => (await page.locator('.cm-lintRange-error').count()) > 0);
    await inspect(page, 'strategy-with-error');
    // The button says that it is disabled, and pressing it all the same starts nothing.
    const run = page.getByRole('button', { name: t('strategy.run') });
    equal(await run.getAttribute('aria-disabled'), 'true', 'the button to run a strategy with an error');
    await run.click({ force: true });
    holds(page.url().includes('/strategies/'), 'a strategy with an error was run');
    await write(page, world.text.replace(/ema\(close, \d+\)/, 'delay(close, -1)'));
    await eventually('looking ahead is refused', async () => /ahead|future|look/i.test(await page.getByTestId('problems').innerText()));
    await write(page, world.text);
    await page.getByText(t('strategy.problems.none')).waitFor();
  });

  await step('the editor completes from the server', async () => {
    await write(page, world.text);
    await page.keyboard.press('ControlOrMeta+End');
    const at = world.text.indexOf('ema(');
    await write(page, world.text.slice(0, at));
    await page.keyboard.type('em');
    await page.keyboard.press('Control+Space');
    await page.getByRole('option', { name: /^ema/ }).first().waitFor();
    await page.keyboard.press('Escape');
    await write(page, world.text);
    await page.getByText(t('strategy.problems.none')).waitFor();
  });

  await step('the backtest runs and its result is seen', async () => {
    await page.getByRole('button', { name: t('strategy.run') }).click();
    await page.waitForURL(/\/backtests\/[^/]+$/);
    world.backtest = page.url().split('/').pop();
    await page.getByRole('tab', { name: t('result.tab.overview') }).waitFor({ timeout: 60_000 });
    const { status, body } = await fetched(page, `/api/v1/backtests/${world.backtest}/result`);
    equal(status, 200, 'the result');
    world.result = body;
    holds(body.fills.length > 10, `only ${body.fills.length} fills`);
    holds(body.equity.length > 3000, `only ${body.equity.length} points of equity`);
    await page.getByText(t('metric.sharpe')).first().waitFor();
  }, { needed: true });

  await step('progress is a stream that resumes where it broke off', async () => {
    const all = await events(world);
    holds(all.some((event) => event.type === 'done'), `no end: ${JSON.stringify(all)}`);
    const numbers = all.map((event) => Number(event.id));
    equal(numbers, [...numbers].sort((a, b) => a - b), 'the numbers of the events');
    const rest = await events(world, all.at(-2)?.id ?? '0');
    equal(rest.at(-1), all.at(-1), 'the last event after resuming');
    holds(rest.length <= all.length, 'resuming told more than the beginning');
  });

  await step('the tear sheet opens under the same policy', async () => {
    const sheet = await page.context().newPage();
    const answer = await sheet.goto(`/api/v1/backtests/${world.backtest}/tearsheet`);
    equal(answer.status(), 200, 'the tear sheet');
    holds((answer.headers()['content-security-policy'] ?? '').includes("default-src 'none'"), 'it has no policy');
    await sheet.getByRole('heading', { level: 1 }).waitFor();
    holds((await sheet.locator('svg').count()) >= 3, 'it has no pictures');
    equal(await sheet.locator('script').count(), 0, 'scripts in the tear sheet');
    await inspect(sheet, 'tearsheet');
    await sheet.close();
  });

  await step('the trades can be taken away', async () => {
    const csv = await page.evaluate(async (id) => (await fetch(`/api/v1/backtests/${id}/trades.csv`)).text(), world.backtest);
    const lines = csv.trim().split('\n');
    equal(lines.length - 1, world.result.trades.length, 'rows of trades.csv');
  });

  await step('the command line gives the same numbers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stockade-e2e-'));
    const file = join(folder, 'strategy.yaml');
    writeFileSync(file, world.result.strategy.text);
    const said = execFileSync(
      world.binary,
      ['--data-dir', world.data, 'backtest', 'run', file, '--out', join(folder, 'results'), '--json'],
      { encoding: 'utf8', timeout: 60_000 },
    );
    const byCommand = JSON.parse(said);
    equal(byCommand.run_id, world.result.run_id, 'the run id');
    equal(byCommand.digest, world.result.digest, 'the digest');
    equal(byCommand.summary, world.result.summary, 'the summary');
    await picture(page, 'backtest-after-command');
  });
}

/** The events of the backtest as a client outside the browser hears them. */
async function events(world, lastEventId) {
  const cookies = await world.page.context().cookies();
  // Under the browser's name: a session that goes on in another one ends.
  const agent = await world.page.evaluate(() => navigator.userAgent);
  const headers = {
    accept: 'text/event-stream',
    'user-agent': agent,
    cookie: cookies.map((cookie) => `${cookie.name}=${cookie.value}`).join('; '),
    ...(lastEventId ? { 'last-event-id': lastEventId } : {}),
  };
  const until = (text) => /^event: ?(done|failed|cancelled)$[\s\S]*?\n\n/m.test(text);
  const path = `/api/v1/backtests/${world.backtest}/events`;
  const { status, text } = await ask(world.origin, world.ca, path, { headers, until });
  equal(status, 200, path);
  return text.split('\n\n').flatMap((block) => {
    const field = (name) => block.match(new RegExp(`^${name}: ?(.*)$`, 'm'))?.[1];
    return field('event') ? [{ id: field('id'), type: field('event'), data: field('data') }] : [];
  });
}
