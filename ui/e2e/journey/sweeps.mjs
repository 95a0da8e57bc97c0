// A sweep: put together, watched, reloaded in the middle, stopped and resumed; its map; a set as a strategy and as a backtest.
import { fetched } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';

const CROSS = (dataset) => `version: 1
name: Cross to sweep
data: ${dataset}
parameters:
  fast: 10
  slow: 40
signals:
  long: ema(close, $fast) > ema(close, $slow)
  exit: ema(close, $fast) < ema(close, $slow)
sizing: { percent: 20 }
costs: { fee_bps: 10 }
cash: 1000000
`;

export async function sweeps(world, step) {
  const { page, complaints } = world;
  const button = (key) => page.getByRole('button', { name: t(key), exact: true });
  const sweep = async () => (await fetched(page, `/api/v1/sweeps/${world.sweep}`)).body;
  const mode = (name, key) => page.getByTestId(`axis-${name}`).getByRole('radio', { name: t(key) }).check({ force: true });
  const fill = async (name, values) => {
    for (const [key, value] of Object.entries(values)) await page.getByTestId(`axis-${name}`).getByLabel(t(`sweep.axis.${key}`), { exact: true }).fill(value);
  };
  const counted = () => page.getByTestId('sweep-count').innerText();

  await step('without a sweep the page says what one is', async () => {
    await page.goto('/backtests');
    await page.getByRole('main').getByRole('link', { name: t('nav.sweeps') }).click();
    await page.getByRole('heading', { name: t('sweeps.empty.title') }).waitFor();
    await inspect(page, 'sweeps-none');
  });

  await step('a sweep is put together, and the server counts along', async () => {
    const { id } = await page.evaluate(async (text) => {
      const answer = await fetch('/api/v1/strategies', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text }) });
      return answer.json();
    }, CROSS(world.dataset));
    await page.goto(`/strategies/${id}`);
    await page.getByRole('link', { name: t('sweeps.new') }).click();
    await page.getByTestId('axis-fast').waitFor();
    await mode('fast', 'sweep.axis.span');
    await mode('slow', 'sweep.axis.list');
    await fill('fast', { from: '5', to: '1', step: '1' });
    await page.getByTestId('axis-fast').getByText(t('sweep.axis.wrong.order')).waitFor();
    holds(await button('sweep.start').isDisabled(), 'a sweep with a wrong axis can be started');
    await fill('fast', { from: '5', to: '50', step: '5' });
    await fill('slow', { values: '20,40,60,80,100,120,140,160' });
    await eventually('80 sets are counted', async () => (await counted()).startsWith('80 sets'));
    await page.getByLabel(t('sweep.conditions')).fill('fast < medium');
    await page.getByRole('alert').filter({ hasText: 'medium' }).waitFor();
    await inspect(page, 'sweep-new-wrong');
    await page.getByLabel(t('sweep.conditions')).fill('fast < slow');
    await eventually('the condition is counted', async () => (await counted()).startsWith('70 sets'));
    await inspect(page, 'sweep-new');
  }, { needed: true });

  await step('it runs, is still there after a reload, is stopped and goes on', async () => {
    await button('sweep.start').click();
    await page.waitForURL(/\/sweeps\/[0-9a-f-]{36}$/);
    world.sweep = page.url().split('/').pop();
    await eventually('some sets are done', async () => (await sweep()).done > 0, 60_000);
    await page.reload();
    await page.getByTestId('sweep-state').waitFor();
    if ((await sweep()).state === 'running') {
      await button('sweep.stop').click();
      await eventually('it has stopped', async () => (await sweep()).state !== 'running', 60_000);
      await page.getByTestId('sweep-state').locator('[data-state="stopped"], [data-state="done"]').waitFor();
      const { state, done, sets } = await sweep();
      if (state === 'stopped') {
        holds(done > 0 && done < sets, `${done} of ${sets} when it was stopped`);
        await inspect(page, 'sweep-stopped');
        await button('sweep.resume').click();
      }
    }
    await page.getByTestId('sweep-state').locator('[data-state="done"]').waitFor({ timeout: 120_000 });
    equal((await sweep()).done, 70, 'sets that are done');
  }, { needed: true });

  await step('the map shows every set, and where the plateau is', async () => {
    await page.getByTestId('sweep-map').waitFor();
    await page.getByTestId('sweep-plateau').getByRole('heading', { name: t('sweep.plateau.title') }).waitFor();
    const { body } = await fetched(page, `/api/v1/sweeps/${world.sweep}/rows`);
    equal(body.rows, 70, 'rows of the table');
    equal([...new Set(body.columns.$fast)].length, 10, 'values of fast');
    equal(Number(await page.getByTestId('sweep-rows').getByRole('grid').getAttribute('aria-rowcount')) - 1, 70, 'rows of the grid');
    const best = Math.max(...body.columns.sharpe);
    holds((await page.getByTestId('sweep-peak').innerText()).includes(best.toFixed(2)), `the peak is not ${best}`);
    await inspect(page, 'sweep');
    for (const measure of ['metric.total_return', 'metric.max_drawdown', 'metric.trades', 'metric.profit_factor']) {
      await page.getByLabel(t('sweep.map.measure')).selectOption({ label: t(measure) });
      await page.getByRole('application', { name: new RegExp(`^${t(measure)}`) }).waitFor();
    }
    await inspect(page, 'sweep-profit-factor');
    await page.getByLabel(t('sweep.map.measure')).selectOption({ label: t('metric.sharpe') });
  });

  await step('the map is walked by keyboard and opens a set', async () => {
    const map = page.getByTestId('sweep-map');
    await map.focus();
    for (const key of ['Home', 'PageDown', 'ArrowRight', 'ArrowUp']) await page.keyboard.press(key);
    await eventually('the cell is told', async () => (await page.getByTestId('sweep-tip').innerText()).includes('fast 10 · slow 40'));
    await page.keyboard.press('Enter');
    await page.waitForURL(/#set=\d+$/);
    world.set = Number(page.url().split('=').pop());
    await page.getByTestId('sweep-set').waitFor();
    const { body } = await fetched(page, `/api/v1/sweeps/${world.sweep}/sets/${world.set}`);
    equal(body.values.map((one) => `${one.name}=${one.value}`), ['fast=10', 'slow=40'], 'the values of the set');
    world.setText = body.text;
    world.setRun = body.run_id;
    await inspect(page, 'sweep-set');
  }, { needed: true });

  await step('a set opens as a strategy', async () => {
    await button('sweep.set.open').click();
    await page.waitForURL(/\/strategies\/[0-9a-f-]{36}$/);
    await page.getByText(t('strategy.problems.none')).waitFor();
    const { body } = await fetched(page, `/api/v1/strategies/${page.url().split('/').pop()}`);
    equal(body.text, world.setText, 'the text of the strategy');
  });

  await step('the backtest of a set has the run id that the sweep told, and the same figures', async () => {
    await page.goto(`/sweeps/${world.sweep}#set=${world.set}`);
    await button('sweep.set.run').click();
    await page.waitForURL(/\/backtests\/[0-9a-f-]{36}$/);
    await page.getByRole('tab', { name: t('result.tab.overview') }).waitFor({ timeout: 60_000 });
    const { body } = await fetched(page, `/api/v1/backtests/${page.url().split('/').pop()}/result`);
    equal(body.run_id, world.setRun, 'the run id');
    const { body: table } = await fetched(page, `/api/v1/sweeps/${world.sweep}/rows`);
    const row = table.columns.set.indexOf(world.set);
    equal(table.columns.sharpe[row], body.summary.sharpe, 'Sharpe');
    equal(table.columns.trades[row], body.summary.trades, 'trades');
    equal(table.columns.final_equity[row], Number(body.summary.end_equity), 'equity at the end');
  });

  await step('a row of the table opens its set too', async () => {
    await page.goto(`/sweeps/${world.sweep}`);
    await page.getByTestId('sweep-rows').getByRole('grid').getByRole('link').first().click();
    await page.getByTestId('sweep-set').waitFor();
  });

  await step('sweeps are listed, and one is deleted', async () => {
    await page.goto('/sweeps');
    await page.getByTestId('sweeps').getByRole('link', { name: 'Cross to sweep' }).waitFor();
    await inspect(page, 'sweeps');
    await page.getByTestId('sweeps').getByRole('link', { name: 'Cross to sweep' }).click();
    await button('common.delete').click();
    await page.getByRole('dialog').getByRole('button', { name: t('common.delete') }).click();
    await page.waitForURL(/\/sweeps$/);
    await page.getByRole('heading', { name: t('sweeps.empty.title') }).waitFor();
    await complaints.expecting(/the console .* 404/, async () => {
      await page.goto(`/sweeps/${world.sweep}`);
      await page.getByRole('alert').first().waitFor();
    });
  });
}
