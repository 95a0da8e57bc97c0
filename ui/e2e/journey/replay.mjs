// A run step by step: from a fill in the table to its tick, the slider, the jumps, the play, a link to a tick.
import { fetched } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';

export async function replay(world, step) {
  const { page, complaints } = world;
  const at = () => page.getByTestId('replay-at').innerText();
  const state = async (query) => {
    const { status, body } = await fetched(page, `/api/v1/backtests/${world.crowded}/state?${query}`);
    equal(status, 200, query);
    return body;
  };
  const reached = (tick) => eventually(`tick ${tick} is there`, async () => (await at()).startsWith(`Tick ${tick.toLocaleString('en-GB')} of`));
  const button = (key) => page.getByRole('button', { name: t(key), exact: true });

  await step('a fill in the table leads to its tick', async () => {
    await page.goto(`/backtests/${world.crowded}`);
    await page.getByRole('tab', { name: t('result.tab.fills'), exact: true }).click();
    const { body } = await fetched(page, `/api/v1/backtests/${world.crowded}/fills`);
    world.fillTicks = body.columns.tick;
    await page.getByTestId('fills').getByRole('grid').getByRole('link', { name: '3', exact: true }).click();
    await page.waitForURL(new RegExp(`/replay#tick=${world.fillTicks[2]}$`));
    await page.getByTestId('replay-chart').waitFor();
    await reached(world.fillTicks[2]);
    const said = await page.getByTestId('replay-cash').innerText();
    const want = await state(`tick=${world.fillTicks[2]}`);
    equal(Number(said.replace(/[^\d.]/g, '')).toFixed(2), Number(want.cash).toFixed(2), 'cash');
    equal(want.what, 'fill', 'what happened there');
    equal(await page.getByTestId('replay-positions').getByRole('rowheader').allInnerTexts(), want.positions.map((one) => one.symbol), 'what is held');
    await inspect(page, 'replay-fill');
  }, { needed: true });

  await step('jumps go from fill to fill and from refusal to refusal', async () => {
    await button('replay.next.fill').click();
    await reached(world.fillTicks[3]);
    await button('replay.previous.fill').click();
    await reached(world.fillTicks[2]);
    await button('replay.next.refusal').click();
    const { near } = await state(`tick=${world.fillTicks[2]}`);
    await reached(near.refusal[1]);
    const why = await page.getByTestId('replay-events').locator('tr.here').innerText();
    holds(/needs/.test(why), `the last tick does not say why: ${why}`);
    await inspect(page, 'replay-refusal');
  });

  await step('the slider goes tick by tick with the keyboard, and the address follows', async () => {
    const slider = page.getByTestId('replay-slider');
    await slider.focus();
    await page.keyboard.press('Home');
    await reached(1);
    for (const tick of [2, 3, 4]) {
      await page.keyboard.press('ArrowRight');
      await reached(tick);
    }
    await page.waitForURL(/#tick=4$/);
    await page.keyboard.press('End');
    const last = await state('tick=1');
    await reached(last.ticks);
    const end = await state(`tick=${last.ticks}`);
    equal(end.equity, world.refused.equity.at(-1).equity, 'equity at the end');
    equal(String(end.working.length), String(world.refused.summary.unfilled), 'orders that wait at the end');
    holds(await button('replay.next.bar').isDisabled(), 'there is nothing after the end');
  });

  await step('it plays bar by bar until it is paused', async () => {
    await page.goto(`/backtests/${world.crowded}/replay#tick=${world.fillTicks[10]}`);
    await reached(world.fillTicks[10]);
    const before = (await state(`tick=${world.fillTicks[10]}`)).row;
    await page.getByTestId('replay-play').click();
    await eventually('it has played some bars', async () => {
      const tick = Number((await at()).match(/^Tick ([\d,]+)/)[1].replace(/,/g, ''));
      return (await state(`tick=${tick}`)).row > before + 3;
    });
    await page.getByTestId('replay-play').click();
    await page.getByTestId('replay-play').getByText(t('replay.play')).waitFor();
  });

  await step('the page says so where there is no such tick', async () => {
    await complaints.expecting(/the console .* 404/, async () => {
      await page.goto('/backtests');
      await page.goto(`/backtests/${world.crowded}/replay#tick=99999999`);
      await page.getByRole('alert').first().waitFor();
    });
  });
}
