// The factor workbench: a library factor, a mistake and its repair, values, read-out, versions, comparison.
import { fetched, write } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';

const REVERSAL = '-rank(delta(close, 5))';

export async function factors(world, step) {
  const { page, complaints } = world;
  const ready = () => page.getByText(t('factor.problems.none'), { exact: true }).waitFor();
  const put = async (text) => {
    await write(page, text, 'expression');
    await eventually('the text is in the editor', async () => (await page.getByTestId('expression-text').innerText()).trim() === text);
  };
  /** The workbench of an address, its text checked. */
  const open = async (path) => {
    await page.goto(path);
    await page.getByTestId('expression-text').waitFor();
    await page.getByTestId('dataset').selectOption(world.dataset);
  };

  await step('the library has the 101 alphas, and one click opens one', async () => {
    const { status, body } = await fetched(page, '/api/v1/factors/library');
    equal(status, 200, 'the library');
    holds(body.factors.length >= 101, `only ${body.factors.length} factors`);
    await page.goto('/factors');
    const list = page.getByTestId('library').getByRole('link');
    await list.first().waitFor();
    const prices = ['open', 'high', 'low', 'close', 'volume'];
    const wanted = body.factors.find((one) => one.groups.length === 0 && one.fields.every((field) => prices.includes(field)));
    await page.getByRole('searchbox', { name: t('factors.filter') }).fill(wanted.name);
    await eventually('the search finds it', async () => (await list.first().innerText()).startsWith(wanted.name));
    await list.first().click();
    await page.getByRole('heading', { name: wanted.name, level: 1 }).waitFor();
    await page.getByTestId('dataset').selectOption(world.dataset);
    await ready();
    world.library = wanted.name;
    await inspect(page, 'factor-library');
  });

  await step('a mistake in an expression is underlined, and repaired', async () => {
    await open('/factors/new');
    await put('rnak(close)');
    const problem = page.getByTestId('problems').getByRole('button').first();
    await problem.waitFor();
    holds(/rank/.test(await problem.innerText()), `the problem does not name the right word: ${await problem.innerText()}`);
    await eventually('the text is underlined', async () => (await page.locator('.cm-lintRange-error').count()) > 0);
    await inspect(page, 'factor-with-error');
    // A run of it is refused before it starts.
    await page.getByTestId('run-preview').click({ force: true });
    equal(await page.getByTestId('section').count(), 0, 'values of an expression with an error');
    await put('delay(close, -1)');
    await eventually('looking ahead is refused', async () => /ahead|future|look/i.test(await page.getByTestId('problems').innerText()));
    await put(REVERSAL);
    await ready();
  });

  await step('completion says what an operator does, and so does a key', async () => {
    await put('ts_me');
    await page.keyboard.press('Control+Space');
    await page.getByRole('option', { name: /^ts_mean/ }).first().waitFor();
    await page.locator('.docs').first().waitFor();
    holds((await page.locator('.docs').first().innerText()).includes(t('reference.missing')), 'the completion does not say what happens to missing values');
    await page.keyboard.press('Escape');
    await put(REVERSAL);
    await page.keyboard.press('ControlOrMeta+Home');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Control+i');
    await eventually('the operator is said', async () => (await page.getByTestId('announcer').innerText()).startsWith('rank('));
  });

  await step('the values of any date and of any name are shown', async () => {
    await put('close');
    await ready();
    await page.keyboard.press('Control+Enter');
    await page.getByTestId('section').waitFor({ timeout: 60_000 });
    const { body: bars } = await fetched(page, `/api/v1/datasets/${world.dataset}/bars?symbol=AAPL&adjust=splits`);
    const [time, , , , close] = bars.bars.at(-1);
    const row = page.getByTestId('section').getByRole('row', { name: /^AAPL/ });
    const shown = Number((await row.getByRole('cell').first().innerText()).replaceAll(',', ''));
    equal(shown, Number(close.toPrecision(6)), 'the close of AAPL in the table');
    equal(await page.getByTestId('section-date').inputValue(), new Date(time * 1000).toISOString().slice(0, 10), 'the date that is shown');
    await page.getByRole('button', { name: t('factor.date.previous') }).click();
    await eventually('the date before is shown', async () => {
      const { bars: all } = bars;
      return (await page.getByTestId('section-date').inputValue()) === new Date(all.at(-2)[0] * 1000).toISOString().slice(0, 10);
    });
    await page.getByTestId('section').getByRole('button', { name: 'MSFT' }).click();
    await page.getByRole('img', { name: /^MSFT/ }).waitFor();
    await page.getByTestId('section').getByRole('button', { name: t('data.detail.symbol') }).click();
    equal(await page.getByTestId('section').getByRole('rowheader').allInnerTexts(), ['AAPL', 'FB', 'GOOG', 'IBM', 'MSFT'], 'the names in order');
    await inspect(page, 'factor-values');
  });

  await step('the read-out shows what the factor said, and counts what was tried', async () => {
    await put(REVERSAL);
    await ready();
    await page.getByRole('tab', { name: t('factor.tab.study') }).click();
    await page.getByLabel(t('study.quantiles'), { exact: true }).selectOption('2');
    await page.getByTestId('run-study').click();
    await page.getByTestId('study').waitFor({ timeout: 60_000 });
    equal(await page.getByTestId('study-summary').getByRole('rowheader').count(), 9, 'figures by horizon');
    for (const part of ['ic-chart', 'ic-months', 'quantile-bars', 'quantile-curves', 'decay', 'autocorrelation', 'turnover-chart', 'capacity-chart', 'coverage-chart', 'luck']) {
      holds((await page.getByTestId(part).count()) === 1, `the read-out has no ${part}`);
    }
    holds((await page.getByTestId('trials').innerText()).includes('2'), `two expressions were tried: ${await page.getByTestId('trials').innerText()}`);
    const link = page.getByRole('link', { name: t('study.report') });
    const report = await page.context().newPage();
    equal((await report.goto(await link.getAttribute('href'))).status(), 200, 'the report');
    await report.getByRole('heading', { level: 1 }).waitFor();
    await report.close();
    await inspect(page, 'factor-study');
  });

  await step('saving makes versions, each with what changed in it', async () => {
    await page.getByTestId('save-factor').click();
    await page.locator('#factor-name').fill('Five days back');
    await page.getByTestId('save-confirm').click();
    await page.waitForURL(/\/factors\/[0-9a-f-]{36}$/);
    world.factor = page.url().split('/').pop();
    await page.getByRole('heading', { name: 'Five days back', level: 1 }).waitFor();
    await page.getByTestId('dataset').selectOption(world.dataset);
    await put('-rank(delta(close, 10))');
    await ready();
    await page.keyboard.press('ControlOrMeta+s');
    await page.getByLabel(t('factor.note')).fill('Two weeks say more');
    await page.getByTestId('save-confirm').click();
    await page.getByTestId('save-state').getByText(t('factor.version', { version: 2 })).waitFor();
    await page.getByRole('tab', { name: t('factor.tab.versions') }).click();
    const changed = page.getByTestId('diff').first();
    await changed.waitFor();
    equal([await changed.locator('del').innerText(), await changed.locator('ins').innerText()], ['5', '10'], 'what version 2 changed');
    const { entries } = (await fetched(page, '/api/v1/audit')).body;
    for (const kind of ['expression.created', 'expression.versioned', 'expression.tried']) holds(entries.some((entry) => entry.kind === kind), `no ${kind} in the log`);
    await inspect(page, 'factor-versions');
  }, { needed: true });

  await step('a version saved in between is shown before anything is written over', async () => {
    await put('-rank(delta(close, 7))');
    await kept(page, `/api/v1/factors/${world.factor}/versions`, { text: 'rank(close)', base_version: 2 });
    await complaints.expecting(/the console .* 409/, async () => {
      await page.getByTestId('save-factor').click();
      await page.getByTestId('save-confirm').click();
      await page.getByTestId('conflict').waitFor();
    });
    await inspect(page, 'factor-conflict');
    await page.getByRole('button', { name: t('factor.conflict.keep', { version: 4 }) }).click();
    await page.getByTestId('save-confirm').click();
    await page.getByTestId('save-state').getByText(t('factor.version', { version: 4 })).waitFor();
  });

  await step('unsaved changes are not lost to a click', async () => {
    await put('rank(open)');
    for (const way of [page.getByRole('link', { name: t('nav.data'), exact: true }), page.getByRole('button', { name: t('nav.signout'), exact: true })]) {
      const asked = new Promise((resolve) => page.once('dialog', (dialog) => dialog.dismiss().then(() => resolve(dialog.message()))));
      await way.click();
      equal(await asked, t('strategy.leave'), 'the question');
      holds(page.url().endsWith(world.factor), `left for ${page.url()}`);
      equal((await fetched(page, '/api/v1/session')).body.state, 'signed_in', 'the session');
    }
    await put('-rank(delta(close, 7))');
    await page.getByTestId('save-state').getByText(t('factor.version', { version: 4 })).waitFor();
  });

  await step('factors are compared', async () => {
    const other = await kept(page, '/api/v1/factors', { name: 'Volume', text: 'rank(volume)' });
    await open(`/factors/${world.factor}`);
    await ready();
    await page.getByRole('tab', { name: t('factor.tab.compare') }).click();
    for (const value of [`o:${other.id}`, `l:${world.library}`]) {
      await page.getByTestId('compare-with').selectOption(value);
      await page.getByRole('button', { name: t('factor.compare.add'), exact: true }).click();
    }
    await page.getByTestId('run-compare').click();
    await page.getByTestId('correlation').waitFor({ timeout: 60_000 });
    const cells = await page.getByTestId('correlation').getByRole('cell').allInnerTexts();
    equal(cells.filter((cell) => cell !== '').length, 9, 'correlations of three factors');
    await page.getByTestId('overlay-chart').waitFor();
    await inspect(page, 'factor-comparison');
  });
}

/** Kept by another tab of the same person. */
async function kept(page, path, body) {
  const { status, answer } = await page.evaluate(async ([where, what]) => {
    const response = await fetch(where, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(what) });
    return { status: response.status, answer: await response.json() };
  }, [path, body]);
  equal(status, 201, path);
  return answer;
}
