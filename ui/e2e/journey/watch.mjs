// The pages on which the server is watched: what is red, the inbox of reports, visits.
import { fetched } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';

export async function watch(world, step) {
  const { page } = world;
  const heading = (key) => page.getByRole('heading', { name: t(key), level: 1 });

  await step('the security of the server says what is red, why, and what to do', async () => {
    // The parts are looked at when the server starts.
    await eventually('every part is looked at', async () => (await fetched(page, '/api/v1/operations')).body.parts.every((part) => part.probed !== null));
    const { parts, red, ready } = (await fetched(page, '/api/v1/operations')).body;
    await page.goto('/admin/users');
    await page.getByRole('link', { name: t('admin.watch'), exact: true }).click();
    await heading('watch.title').waitFor();
    const rows = page.getByTestId('parts').locator('tbody tr');
    await rows.first().waitFor();
    equal(await rows.count(), parts.length, 'parts');
    for (const name of ['database', 'disk', 'certificate']) await rows.filter({ hasText: t(`watch.part.${name}`) }).getByText(t('watch.standing.good'), { exact: true }).waitFor();
    equal(await page.getByTestId('red').locator('tbody tr').count(), red.length, 'red claims');
    holds(red.every((one) => one.why !== '' && one.command !== ''), 'each says why, and what shows it');
    await page.getByTestId('ready').getByText(t(ready ? 'watch.ready' : 'watch.not_ready')).waitFor();
    await inspect(page, 'watch');
  });

  await step('an address is blocked with a reason and let in again', async () => {
    await page.goto('/admin/users');
    await page.getByRole('link', { name: t('admin.limits'), exact: true }).click();
    await heading('limits.title').waitFor();
    const { zones } = (await fetched(page, '/api/v1/limits')).body;
    equal(await page.getByTestId('zones').locator('tbody tr').count(), zones.length, 'zones');
    await page.getByLabel(t('limits.prefix'), { exact: true }).fill('203.0.113.0/24');
    await page.getByLabel(t('limits.lasts'), { exact: true }).selectOption({ label: t('limits.lasts.hour') });
    await page.getByLabel(t('limits.why'), { exact: true }).fill('it guesses');
    await page.getByRole('button', { name: t('limits.block'), exact: true }).click();
    const row = page.getByTestId('blocks').locator('tbody tr');
    await row.getByText('it guesses').waitFor();
    await inspect(page, 'limits');
    await row.getByRole('button', { name: t('limits.lift.of', { prefix: '203.0.113.0/24' }) }).click();
    await page.getByText(t('limits.blocks.none')).waitFor();
  });

  await step('reports of weaknesses have an inbox, with texts to answer with', async () => {
    const { open, reports, answers } = (await fetched(page, '/api/v1/security-reports')).body;
    await page.goto('/admin/reports');
    await heading('inbox.title').waitFor();
    const texts = page.getByTestId('answer');
    await texts.first().waitFor();
    equal(await page.getByTestId('reports-closed').count(), open ? 0 : 1, 'the word that none are taken in');
    equal(await page.getByTestId('report').count(), reports.length, 'reports');
    equal(await texts.count(), answers.length / 2, 'texts of one language');
    await texts.first().locator('summary').click();
    await texts.first().getByText(answers[0].subject).waitFor();
    await inspect(page, 'inbox');
    await page.getByLabel(t('inbox.answer.language')).selectOption('de');
    await texts.first().getByText(answers.find((one) => one.language === 'de').subject).waitFor();
  });

  await step('what payment processors told is listed, and that nobody is expected to', async () => {
    const { expected, notices } = (await fetched(page, '/api/v1/payments/notices')).body;
    await page.goto('/admin/payments');
    await heading('payments.title').waitFor();
    await page.getByTestId(notices.length ? 'notices' : 'no-notices').waitFor();
    equal(await page.getByTestId('payments-unexpected').count(), expected ? 0 : 1, 'the word that nothing is expected');
    await inspect(page, 'payments');
  });

  await step('openings of pages are counted, and no cookie counts them', async () => {
    const cookies = (await page.context().cookies()).map((one) => one.name).sort();
    await page.goto('/admin/visits');
    await heading('visits.title').waitFor();
    const today = page.getByTestId('days').locator('tbody tr').first();
    await today.waitFor();
    holds(Number((await today.locator('td').first().innerText()).replace(/\D/g, '')) >= 3, 'this walk was counted');
    holds((await page.getByTestId('pages').innerText()).includes('/admin'), 'this page, too');
    equal((await page.context().cookies()).map((one) => one.name).sort(), cookies, 'cookies');
    await inspect(page, 'visits');
  });
}
