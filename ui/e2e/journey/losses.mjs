// Lost factors: a member waits a day, staff are vouched for, and the host's shell opens the last door.
// Between them stands what two persons decide: without a second administrator there is nobody to vouch.
import { execFileSync } from 'node:child_process';
import { Complaints, fetched, person } from '../browser.mjs';
import { aDayLater } from '../clock.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { code } from '../totp.mjs';
import { t } from '../words.mjs';
import { linkFrom } from './letters.mjs';
import { ERIN } from './member.mjs';

const FRANK = { email: 'frank@example.org', password: 'the last ferry leaves before the rain', next: 'a heron stands where the harbour bends' };

export async function losses(world, step) {
  const { browser, origin } = world;
  // Much was asked from this network before: its browser may solve puzzles here, 429 and on.
  const complaints = new Complaints();
  const link = linkFrom(world);
  const ours = { ...world, complaints, link, erin: await person(browser, origin, complaints), frank: await person(browser, origin, complaints) };
  await aMemberWaits(ours, step);
  await twoDecide(ours, step);
  await staffAreVouchedFor(ours, step);
  await theHostRecovers(ours, step);

  await step('no page complained on the way', async () => {
    await ours.erin.context().close();
    await ours.frank.context().close();
    // Sessions end on this way, and a browser that had one asks once whether it can be renewed.
    const wanted = /status of 429|status of 401 .*\/session\/refresh/;
    equal(complaints.heard.filter((one) => !wanted.test(one)), [], 'complaints');
  });
}

async function aMemberWaits({ page, complaints, link, erin, data }, step) {
  await step('whoever lost the factor says so with the password, and waits', async () => {
    await askFor(erin, ERIN.email, 'letter-loss');
    await erin.goto(await link(ERIN.email, 'loss'));
    await begun(erin, 'loss-declare');
    equal(new URL(erin.url()).hash, '', 'the value left in the address bar');
    await inspect(erin, 'loss-declare');
    await complaints.expecting(/the console .* 401/, async () => {
      await declare(erin, 'not the password of anyone', erin.getByTestId('refusal'));
    });
    await declare(erin, ERIN.password);
    equal(await erin.getByText(t('lost.waiting.vouch')).count(), 0, 'a trader is told to find somebody who vouches');
    await inspect(erin, 'loss-waiting');
    await page.goto(`/admin/users/${await numberOf(page, ERIN.email)}`);
    await page.getByText(t('user.loss', { when: '' }).split('.')[0]).waitFor();
    await inspect(page, 'user-loss');
  }, { needed: true });

  await step('the letter stops it', async () => {
    await erin.goto(await link(ERIN.email, 'loss-stop'));
    await erin.getByTestId('link-loss-stop').waitFor();
    await inspect(erin, 'link-loss-stop');
    await erin.getByRole('button', { name: t('simple.loss-stop.submit') }).click();
    await erin.getByTestId('link-done').waitFor();
    await inspect(erin, 'link-loss-stop-done');
    await page.reload();
    await page.getByTestId('holds').waitFor();
    equal(await page.getByText(t('user.loss', { when: '' }).split('.')[0]).count(), 0, 'the loss is still told of');
  }, { needed: true });

  await step('a day after it was said again, another authenticator takes its place', async () => {
    await askFor(erin, ERIN.email);
    await erin.goto(await link(ERIN.email, 'loss'));
    await begun(erin, 'loss-declare');
    await declare(erin, ERIN.password);
    await askFor(erin, ERIN.email);
    aDayLater(data, 'losses');
    await erin.goto(await link(ERIN.email, 'loss'));
    await begun(erin, 'loss-replace');
    await inspect(erin, 'loss-replace');
    ERIN.recovery = await replaced(erin, ERIN, 'lost.replace.submit', 'loss-codes');
    await enter(erin, ERIN.email, ERIN.password, ERIN.recovery.shift());
  }, { needed: true });
}

async function twoDecide({ page, complaints, erin, link, data, frank }, step) {
  const on = (who, key, values) => who.getByRole('button', { name: t(key, values), exact: true });

  await step('a sole owner carries out what waited for a day', async () => {
    await proposed(page, ERIN.email, 'admin');
    aDayLater(data, 'proposals');
    await page.goto('/admin/approvals');
    await page.getByText(t('approvals.ready')).waitFor();
    await inspect(page, 'approvals-ready');
    await on(page, 'approvals.carry').click();
    await page.getByText(t('approvals.none')).waitFor();
    equal((await roleOf(page, ERIN.email)), 'admin', 'the role after a day');
  }, { needed: true });

  await step('somebody is taken on as support, with an authenticator', async () => {
    await page.goto('/admin/invitations');
    await page.getByLabel(t('invitations.email')).fill(FRANK.email);
    await page.getByTestId('invite').getByRole('combobox').selectOption('support');
    await on(page, 'invitations.send').click();
    await page.getByTestId('invitations').locator('tbody tr').first().waitFor();
    await frank.goto(await link(FRANK.email, 'invite'));
    await frank.getByTestId('join').waitFor();
    await frank.getByLabel(t('setup.display_name')).fill('Frank');
    await frank.getByRole('textbox', { name: t('setup.password') }).fill(FRANK.password);
    // Whoever runs the server can do nothing before a second factor is there.
    await complaints.expecting(/the console .* 403/, async () => {
      await press(frank, t('join.submit'), frank.getByTestId('refusal').getByRole('link', { name: t('security.title') }));
    });
    await inspect(frank, 'users-without-factor');
    await enrolled(frank, FRANK);
  }, { needed: true });

  await step('of two who decide, one proposes and the other approves', async () => {
    await enter(erin, ERIN.email, ERIN.password, ERIN.recovery.shift());
    await proposed(page, FRANK.email, 'admin');
    await page.goto('/admin/approvals');
    await page.getByText(t('approvals.open')).waitFor();
    equal(await on(page, 'approvals.carry').count(), 0, 'it can be carried out without the other');
    equal(await on(page, 'approvals.approve').count(), 0, 'whoever proposes may approve as well');
    await erin.goto('/admin/approvals');
    await erin.getByText(t('approvals.act.set_role', { person: 'Frank', role: 'admin' })).waitFor();
    await inspect(erin, 'approvals-other');
    await on(erin, 'approvals.approve').click();
    await erin.getByText(t('approvals.approved', { person: 'Erin' })).waitFor();
    await page.reload();
    await page.getByText(t('approvals.approved', { person: 'Erin' })).waitFor();
    await inspect(page, 'approvals-approved');
    await on(page, 'approvals.carry').click();
    await page.getByText(t('approvals.none')).waitFor();
    equal((await roleOf(page, FRANK.email)), 'admin', 'the role after two agreed');
  }, { needed: true });

  await step('the other may refuse, and nothing happens', async () => {
    await proposed(page, FRANK.email, 'support');
    await erin.reload();
    await on(erin, 'approvals.refuse').click();
    await erin.getByText(t('approvals.none')).waitFor();
    await page.goto('/admin/approvals');
    await page.getByText(t('approvals.none')).waitFor();
    equal((await roleOf(page, FRANK.email)), 'admin', 'the role after a refusal');
  });
}

async function staffAreVouchedFor({ page, link, frank, data, erin }, step) {
  await step('an administrator who lost the factor needs another one who vouches', async () => {
    await askFor(frank, FRANK.email);
    await frank.goto(await link(FRANK.email, 'loss'));
    await begun(frank, 'loss-declare');
    await declare(frank, FRANK.password);
    await frank.getByText(t('lost.waiting.vouch')).waitFor();
    await inspect(frank, 'loss-waiting-vouch');
    await askFor(frank, FRANK.email);
    aDayLater(data, 'losses');
    const next = await link(FRANK.email, 'loss');
    await frank.goto(next);
    await begun(frank, frank.getByText(t('lost.waiting.over')));
    await inspect(frank, 'loss-waiting-over');

    await erin.goto(`/admin/users/${await numberOf(page, FRANK.email)}`);
    await erin.getByText(t('user.loss.awaited')).waitFor();
    await inspect(erin, 'user-vouch');
    await erin.getByRole('button', { name: t('user.vouch'), exact: true }).click();
    await inspect(erin, 'user-vouch-confirm');
    await erin.getByRole('dialog').getByRole('button', { name: t('confirm.go') }).click();
    await erin.getByTestId('said').waitFor();
    await erin.getByText(t('user.loss.awaited')).waitFor({ state: 'hidden' });

    await frank.goto(`${next.replace('#', '?vouched#')}`);
    await begun(frank, 'loss-replace');
    await replaced(frank, FRANK, 'lost.replace.submit');
    for (const kind of ['factor.lost', 'factor.loss_vouched', 'factor.replaced']) await logged(page, kind);
  });
}

async function theHostRecovers({ page, complaints, frank, binary, data }, step) {
  const recover = (email) => execFileSync(binary, ['--data-dir', data, 'recover', email], { encoding: 'utf8', stdio: 'pipe' });

  await step('the host prints a way in for whoever has none left', async () => {
    let refused;
    try {
      recover('nobody@example.org');
    } catch (error) {
      refused = error;
    }
    holds(refused?.status > 0 && /no such account/.test(refused.stderr), `an address without an account: ${refused?.stderr}`);
    const printed = /https:\/\/\S+\/link\/recover#\S+/.exec(recover(FRANK.email))[0];
    const url = new URL(printed);
    // The link names the server by its public name; this walk comes by the loopback address.
    await frank.goto(url.pathname + url.hash);
    await begun(frank, 'recover');
    equal(new URL(frank.url()).hash, '', 'the value left in the address bar');
    await inspect(frank, 'recover');
    await frank.getByLabel(t('security.password.new'), { exact: true }).fill('short');
    await frank.getByLabel(t('setup.totp.code')).fill('000000');
    await frank.getByRole('button', { name: t('recover.submit') }).click();
    await frank.getByText(t('setup.password.short')).waitFor();
    const old = FRANK.password;
    FRANK.password = FRANK.next;
    FRANK.recovery = await replaced(frank, FRANK, 'recover.submit');
    await complaints.expecting(/the console .* 401/, async () => {
      await frank.goto('/sign-in');
      await begin(frank, FRANK.email, old, frank.getByTestId('refusal'));
    });
    await enter(frank, FRANK.email, FRANK.password, FRANK.recovery.shift());
    await complaints.expecting(/the console .* 401/, async () => {
      await frank.goto(`${url.pathname}?again${url.hash}`);
      await frank.getByRole('alert').waitFor();
    });
  }, { needed: true });

  await step('everyone who runs the server hears of it', async () => {
    const told = async (email, words) => {
      const { letters } = (await fetched(page, '/api/v1/outbox')).body;
      return letters.some((one) => one.to === email && words.test(one.text.replace(/\s+/g, ' ')));
    };
    for (const email of ['owner@example.org', ERIN.email, FRANK.email]) {
      await eventually(`a letter of the link to ${email}`, () => told(email, /made a recovery link/));
    }
    for (const kind of ['recover.issued', 'recover.used']) await logged(page, kind);
  });
}

/** Asks for the letter of a lost factor, as a person would from the page for signing in. */
async function askFor(page, email, name) {
  await page.goto('/forgotten');
  await page.getByRole('radio', { name: t('letter.wish.loss') }).check();
  await page.getByLabel(t('signin.email')).fill(email);
  if (name) await inspect(page, name);
  await press(page, t('letter.submit'), page.getByTestId('letter-sent'));
}

/** What the link leads to. */
async function begun(page, place) {
  const there = typeof place === 'string' ? page.getByTestId(place) : place;
  await answered(page, page.getByRole('button', { name: t('app.retry') }), there);
}

/** Presses, and has the answer. */
async function press(page, name, there) {
  const button = page.getByRole('button', { name, exact: true });
  await button.click();
  await answered(page, button, there);
}

/** A network from which much came is told to wait a moment: whoever walks here presses again then. */
async function answered(page, button, there) {
  const hurried = page.getByTestId('refusal').filter({ hasText: 'Too Many Requests' });
  await eventually('an answer', async () => {
    if (!(await hurried.isVisible())) return there.isVisible();
    await new Promise((resume) => setTimeout(resume, 3000));
    await button.click({ timeout: 1000 }).catch(() => undefined);
    return false;
  }, 180_000);
}

async function declare(page, password, there = page.getByTestId('loss-waiting')) {
  await page.getByLabel(t('signin.password'), { exact: true }).fill(password);
  await press(page, t('lost.declare.submit'), there);
}

/** The form of a new factor, filled: its recovery codes. */
async function replaced(page, who, key, name) {
  const form = page.locator('form');
  who.secret = (await form.getByTestId('totp-secret').innerText()).replace(/\s/g, '');
  await form.locator('input[name=password]').fill(who.password);
  await form.getByLabel(t('setup.totp.code')).fill(code(who.secret));
  await press(page, t(key), page.getByTestId('fresh-codes'));
  if (name) await inspect(page, name);
  const codes = await page.getByTestId('recovery-code').allInnerTexts();
  equal(new Set(codes).size, 10, 'different recovery codes');
  await page.getByLabel(t('setup.codes.confirm')).check();
  await page.getByRole('button', { name: t('fresh.codes.done') }).click();
  await page.getByTestId('sign-in').waitFor();
  return codes;
}

async function enrolled(page, who) {
  const dialog = page.getByRole('dialog');
  await page.goto('/account/security');
  await page.getByRole('button', { name: t('security.totp.add') }).click();
  who.secret = (await dialog.getByTestId('totp-secret').innerText()).replace(/\s/g, '');
  await dialog.getByLabel(t('security.totp.code')).fill(code(who.secret));
  await dialog.getByLabel(t('proof.password'), { exact: true }).fill(who.password);
  const add = dialog.getByRole('button', { name: t('security.add') });
  await add.click();
  await answered(page, add, page.getByTestId('codes'));
  await page.getByLabel(t('setup.codes.confirm')).check();
  await page.getByRole('button', { name: t('security.codes.done') }).click();
}

async function begin(page, email, password, there = page.getByTestId('sign-in-factor')) {
  await page.getByLabel(t('signin.email')).fill(email);
  await page.getByLabel(t('signin.password'), { exact: true }).fill(password);
  await press(page, t('signin.submit'), there);
}

async function enter(page, email, password, recovery) {
  await page.goto('/sign-in');
  await begin(page, email, password);
  await page.getByRole('radio', { name: t('signin.factor.recovery') }).check({ force: true });
  await page.getByLabel(t('signin.factor.recovery.code')).last().fill(recovery);
  await press(page, t('signin.factor.submit'), page.getByRole('heading', { name: t('dashboard.title'), level: 1 }));
}

async function proposed(page, email, role) {
  await page.goto(`/admin/users/${await numberOf(page, email)}`);
  await page.getByLabel(t('admin.role')).selectOption(role);
  await page.getByRole('button', { name: t('user.role.propose'), exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: t('confirm.go') }).click();
  await page.getByTestId('said').waitFor();
}

async function found(page, email) {
  const { users } = (await fetched(page, '/api/v1/users')).body;
  const user = users.find((one) => one.email === email);
  holds(user, `${email} is not among the users`);
  return user;
}
const numberOf = async (page, email) => (await found(page, email)).id;
const roleOf = async (page, email) => (await found(page, email)).role;

const logged = (page, kind) =>
  eventually(`${kind} in the log`, async () => (await fetched(page, `/api/v1/audit?kind=${kind}`)).body.entries.some((one) => one.kind === kind));
