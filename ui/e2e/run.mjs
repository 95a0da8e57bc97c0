// A person's way through the product, against the real server, in a real Chromium.
// `cargo xtask test --only browser` starts the server and sets the environment.
import { Complaints, launch, person } from './browser.mjs';
import { account } from './journey/account.mjs';
import { admin } from './journey/admin.mjs';
import { policy } from './journey/policy.mjs';
import { research } from './journey/research.mjs';
import { disclosure } from './journey/disclosure.mjs';
import { factors } from './journey/factors.mjs';
import { keyboard } from './journey/keyboard.mjs';
import { lacks } from './journey/lacks.mjs';
import { letters } from './journey/letters.mjs';
import { losses } from './journey/losses.mjs';
import { member } from './journey/member.mjs';
import { pages } from './journey/pages.mjs';
import { stepUp, takeAway } from './journey/step-up.mjs';
import { replay } from './journey/replay.mjs';
import { sweeps } from './journey/sweeps.mjs';
import { tables } from './journey/tables.mjs';
import { setUp } from './journey/set-up.mjs';
import { watch } from './journey/watch.mjs';
import { signIn } from './journey/sign-in.mjs';
import { picture } from './looks.mjs';
import { close, test } from './tests.mjs';
import { authority, pin } from './trust.mjs';

function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run cargo xtask test --only browser`);
  return value;
}

const link = given('E2E_LINK');
const data = given('E2E_DATA');
const { origin } = new URL(link);
const ca = authority(data);
const spki = await pin(origin, ca);
const browser = await launch(given('CHROMIUM'), spki);
try {
  const complaints = new Complaints();
  const page = await person(browser, origin, complaints);
  const world = { browser, page, complaints, link, data, origin, ca, binary: given('E2E_BINARY'), identity: given('E2E_IDENTITY') };
  // Everybody's page, as more than one person walks here.
  const onFailure = async (name) => {
    const open = browser.contexts().flatMap((context) => context.pages());
    for (const [n, one] of open.entries()) await picture(one, `failed-${name.replace(/\W+/g, '-')}-${n}`).catch(() => undefined);
  };
  const step = (name, work, options = {}) => test(name, work, { onFailure, ...options });
  await setUp(world, step);
  await research(world, step);
  await takeAway(world, step);
  await tables(world, step);
  await replay(world, step);
  await sweeps(world, step);
  await factors(world, step);
  await pages(world, step);
  await stepUp(world, step);
  await admin(world, step);
  await watch(world, step);
  // Before this address has signed in so often that a stranger there has to wait.
  await disclosure(world, step);
  await keyboard(world, step);
  await signIn(world, step);
  await letters(world, step);
  await account(world, step);
  await member(world, step);
  await lacks(world, step);
  await losses(world, step);
  await policy(world, step);
} finally {
  await browser.close();
}
process.exitCode = close();
