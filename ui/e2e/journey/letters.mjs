// Strangers become members by letter, forget their password, and come back: the owner reads the outbox meanwhile.
import { Complaints, fetched, person } from '../browser.mjs';
import { inspect } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';

const CAROL = { email: 'carol@example.org', password: 'eleven brown foxes sleep by the old mill', next: 'a lantern swings over the quiet harbour' };
const DAVE = { email: 'dave@example.org' };

/** The next link of this purpose that was mailed to an address. */
export function linkFrom(world) {
  const read = new Set();
  return (email, purpose) =>
    eventually(`a letter to ${email}`, async () => {
      const { status, body } = await fetched(world.page, '/api/v1/outbox');
      equal(status, 200, 'the outbox');
      const mark = new RegExp(`https://\\S+/link/${purpose}#\\S+`);
      const letter = body.letters.find((one) => one.to === email && mark.test(one.text) && !read.has(one.id));
      if (letter) read.add(letter.id);
      return letter && mark.exec(letter.text)[0];
    });
}

export async function letters(world, step) {
  const { page, complaints, browser, origin } = world;
  const link = linkFrom(world);
  const stranger = await person(browser, origin, complaints);

  await step('a stranger asks to register and is told to look into the mailbox', async () => {
    await stranger.goto('/sign-in');
    await stranger.getByRole('link', { name: t('signin.register') }).click();
    await stranger.getByTestId('ask-letter').waitFor();
    await inspect(stranger, 'register');
    await stranger.getByLabel(t('signin.email')).fill(CAROL.email);
    await stranger.getByRole('button', { name: t('letter.submit') }).click();
    await stranger.getByTestId('letter-sent').waitFor();
    await inspect(stranger, 'letter-sent');
  }, { needed: true });

  await step('the owner reads the letter in the outbox', async () => {
    await page.goto('/settings');
    await page.getByRole('link', { name: t('nav.outbox') }).click();
    await page.getByTestId('letter').first().waitFor();
    await inspect(page, 'outbox');
  });

  await step('its link makes the account, and its value leaves the address bar', async () => {
    const target = await link(CAROL.email, 'register');
    await stranger.goto(target);
    await stranger.getByTestId('join').waitFor();
    equal(new URL(stranger.url()).hash, '', 'the value left in the address bar');
    await inspect(stranger, 'join');
    await stranger.getByRole('textbox', { name: t('setup.password') }).fill('too short');
    await stranger.getByRole('button', { name: t('join.submit'), exact: true }).click();
    await stranger.getByText(t('join.password.short')).waitFor();
    await stranger.getByLabel(t('setup.display_name')).fill('Carol');
    await stranger.getByRole('textbox', { name: t('setup.password') }).fill(CAROL.password);
    await stranger.getByRole('button', { name: t('join.submit'), exact: true }).click();
    await stranger.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
    const session = (await fetched(stranger, '/api/v1/session')).body;
    equal([session.account.email, session.account.role, session.account.display_name], [CAROL.email, 'trader', 'Carol'], 'who came in');
    await complaints.expecting(/the console .* 401/, async () => {
      const again = await person(browser, origin, new Complaints());
      await again.goto(target);
      await again.getByRole('alert').waitFor();
      await again.context().close();
    });
  }, { needed: true });

  await step('a forgotten password is chosen anew, and every session ends', async () => {
    const other = await person(browser, origin, complaints);
    await other.goto('/sign-in');
    await other.getByRole('link', { name: t('signin.forgotten') }).click();
    await other.getByTestId('ask-letter').waitFor();
    await inspect(other, 'forgotten');
    await other.getByLabel(t('signin.email')).fill(CAROL.email);
    await other.getByRole('button', { name: t('letter.submit') }).click();
    await other.getByTestId('letter-sent').waitFor();
    await other.goto(await link(CAROL.email, 'reset'));
    await other.getByTestId('reset').waitFor();
    await inspect(other, 'reset');
    await other.getByLabel(t('setup.password'), { exact: true }).fill(CAROL.next);
    await other.getByRole('button', { name: t('reset.submit') }).click();
    await other.getByTestId('reset-done').waitFor();
    await other.getByRole('link', { name: t('link.go') }).click();
    await other.getByLabel(t('signin.email')).fill(CAROL.email);
    await other.getByLabel(t('signin.password'), { exact: true }).fill(CAROL.next);
    await other.getByRole('button', { name: t('signin.submit'), exact: true }).click();
    await other.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
    await complaints.expecting(/the console .* 401/, async () => {
      equal((await fetched(stranger, '/api/v1/sessions')).status, 401, 'the session from before');
    });
    await other.context().close();
  });

  await step('a passkey alone makes an account', async () => {
    const other = await person(browser, origin, complaints);
    const debug = await other.context().newCDPSession(other);
    await debug.send('WebAuthn.enable');
    await debug.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    });
    await other.goto('/register');
    await other.getByLabel(t('signin.email')).fill(DAVE.email);
    await other.getByRole('button', { name: t('letter.submit') }).click();
    await other.getByTestId('letter-sent').waitFor();
    await other.goto(await link(DAVE.email, 'register'));
    await other.getByTestId('join').waitFor();
    await other.getByRole('radio', { name: t('join.with.passkey') }).check({ force: true });
    await inspect(other, 'join-passkey');
    await other.getByRole('button', { name: t('join.submit.passkey') }).click();
    await other.getByRole('heading', { name: t('dashboard.title'), level: 1 }).waitFor();
    const session = (await fetched(other, '/api/v1/session')).body;
    equal(session.account.email, DAVE.email, 'who came in');
    await other.context().close();
  });

  await step('a network that asks for much solves a puzzle first, beside the page', async () => {
    const other = await person(browser, origin, complaints);
    await other.goto('/forgotten');
    await complaints.expecting(/the console .* 429/, async () => {
      let n = 0;
      await eventually('a puzzle is asked', async () => {
        const { status, code } = await other.evaluate(async (email) => {
          const body = JSON.stringify({ wish: 'reset', email });
          const answer = await fetch('/api/v1/letters', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
          return { status: answer.status, code: answer.ok ? '' : (await answer.json()).code };
        }, `p${(n += 1)}@example.org`);
        return status === 429 && code === 'work';
      });
      const worked = other.waitForRequest((request) => request.headers()['stockade-work'] !== undefined);
      await other.getByLabel(t('signin.email')).fill(CAROL.email);
      await other.getByRole('button', { name: t('letter.submit') }).click();
      await worked;
      await other.getByTestId('letter-sent').waitFor();
    });
    await other.context().close();
  });

  await step('a link that is not whole says so, in German too', async () => {
    const other = await person(browser, origin, complaints, { locale: 'de-DE' });
    await other.goto('/link/reset');
    await other.getByRole('heading', { name: t('link.missing.title', {}, 'de') }).waitFor();
    await inspect(other, 'link-missing-german');
    await other.goto('/forgotten');
    await other.getByRole('heading', { name: t('letter.forgotten.title', {}, 'de') }).waitFor();
    await inspect(other, 'forgotten-german');
    for (const purpose of ['address-confirm', 'address-stop', 'device', 'loss-stop', 'erase-stop']) {
      await other.goto(`/link/${purpose}#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`);
      await other.reload();
      await other.goto(`/link/${purpose}?again#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`);
      await other.getByRole('heading', { name: t(`simple.${purpose}.title`, {}, 'de') }).waitFor();
    }
    holds(new URL(other.url()).hash === '', 'the value left the address bar');
    await complaints.expecting(/the console .* 401/, async () => {
      await other.getByRole('button', { name: t('simple.erase-stop.submit', {}, 'de') }).click();
      await other.getByRole('alert').waitFor();
    });
    await other.context().close();
    await stranger.context().close();
  });
}
