// Somebody who found a weakness: the public pages and the form, with scripts and without, and whoever opens the report.
import { execFileSync } from 'node:child_process';
import { Complaints, person } from '../browser.mjs';
import { inspect, picture } from '../looks.mjs';
import { equal, holds } from '../tests.mjs';
import { t } from '../words.mjs';

const SEALED = 'With a script: the limiter forgets me after a restart.\nIt is seen at 127.0.0.1.';
const PLAIN = 'Without a script: umlauts like ä and a <b>tag</b> arrive as they were typed.';

export async function disclosure(world, step) {
  const { browser, origin, data, binary, identity } = world;
  const reports = (...words) => execFileSync(binary, ['--data-dir', data, 'reports', ...words], { encoding: 'utf8', timeout: 60_000 });
  // Four times a width and a scheme; the forms of a page need no address to be kept.
  const complaints = new Complaints();
  const finder = await person(browser, origin, complaints);
  const plain = await person(browser, origin, complaints, { javaScriptEnabled: false });

  await step('whoever is at the door finds how secure the server is and where a weakness is reported', async () => {
    await finder.goto('/sign-in');
    await finder.getByRole('link', { name: t('app.report') }).click();
    await finder.getByRole('heading', { name: 'Report a weakness', level: 1 }).waitFor();
    await finder.goto('/sign-in');
    await finder.getByRole('link', { name: t('app.security') }).click();
    await finder.getByRole('heading', { name: 'Security', level: 1 }).waitFor();
    await inspect(finder, 'claims');
    await finder.getByRole('link', { name: 'Terms for whoever looks for one' }).click();
    await finder.getByRole('heading', { name: 'Finding and reporting weaknesses', level: 1 }).waitFor();
    await inspect(finder, 'claims-policy');
  });

  await step('the browser seals a report, and the server never has its words', async () => {
    await finder.goto('/security/report?lang=en');
    await finder.getByText('Your browser seals the report before it is sent').waitFor();
    await inspect(finder, 'report');
    await finder.getByLabel('What did you find?').fill(SEALED);
    const sending = finder.waitForRequest((request) => request.method() === 'POST' && request.url().includes('/security/report'));
    await finder.getByRole('button', { name: 'Send the report' }).click();
    const form = new URLSearchParams((await sending).postData());
    holds(form.get('text').startsWith('-----BEGIN AGE ENCRYPTED FILE-----'), `what was sent: ${form.get('text').slice(0, 60)}`);
    holds(!(await sending).postData().includes('limiter'), 'the words were sent');
    await taken(finder, 'by its sender', 'report-taken');
  });

  await step('without a script the same page says who seals, and the report comes all the same', async () => {
    await plain.goto('/security');
    await plain.getByRole('heading', { name: 'Security', level: 1 }).waitFor();
    holds((await plain.locator('article.claim').count()) > 100, 'the claims are missing');
    await picture(plain, 'claims-without-script');
    await plain.getByRole('link', { name: 'Report a weakness' }).click();
    await plain.getByText('Your browser runs no script of this page.').waitFor();
    await picture(plain, 'report-without-script');
    await plain.getByLabel('What did you find?').fill(PLAIN);
    await plain.getByRole('button', { name: 'Send the report' }).click();
    await taken(plain, 'by the server, when it came', 'report-taken-without-script');
  });

  await step('whoever has the key opens both, word for word, and nobody else', async () => {
    const listed = JSON.parse(reports('ls', '--json'));
    equal(listed.length, 2, 'reports');
    const opened = listed.map(({ id }) => reports('open', String(id), '--identity', identity).replace(/\r\n/g, '\n').trim());
    equal(opened.sort(), [SEALED, PLAIN].sort(), 'what they say');
    const shut = reports('open', String(listed[0].id));
    holds(shut.startsWith('-----BEGIN AGE ENCRYPTED FILE-----'), shut.slice(0, 60));
    equal(complaints.heard, [], 'complaints');
    await Promise.all([finder.context().close(), plain.context().close()]);
  });
}

/** The receipt, and how the report stands by it. */
async function taken(page, by, name) {
  await page.getByRole('heading', { name: 'The report is here', level: 1 }).waitFor();
  await page.getByText(by, { exact: true }).waitFor();
  const receipt = (await page.locator('code.receipt').innerText()).trim();
  holds(/^srr_/.test(receipt), `the receipt: ${receipt}`);
  await picture(page, name);
  await page.goto('/security/report/status?lang=en');
  await page.getByRole('textbox').fill(receipt);
  await page.getByRole('button', { name: 'Show how it stands' }).click();
  await page.getByRole('heading', { name: 'Standing: received', level: 1 }).waitFor();
  await picture(page, `${name}-standing`);
}
