// How pages look and read: dark and light, wide and narrow, each through axe and into a picture.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { eventually } from './tests.mjs';

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const PICTURES = new URL('../test-results/', import.meta.url).pathname;
const LOOKS = [
  { scheme: 'light', width: 1280, height: 800 },
  { scheme: 'dark', width: 1280, height: 800 },
  { scheme: 'light', width: 375, height: 812 },
  { scheme: 'dark', width: 375, height: 812 },
];

// Pictures of an earlier run would be taken for pictures of this one.
rmSync(PICTURES, { recursive: true, force: true });
mkdirSync(PICTURES, { recursive: true });

/** Every look of the page that is open; throws with all findings at once. */
export async function inspect(page, name) {
  const findings = [];
  for (const { scheme, width, height } of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height });
    await settled(page);
    const place = `${name}, ${scheme}, ${width} px`;
    findings.push(...(await axe(page)).map((finding) => `${place}: ${finding}`));
    const wide = await overflow(page);
    if (wide > 0) findings.push(`${place}: ${wide} px wider than the window`);
    await picture(page, `${name}-${scheme}-${width}`);
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.setViewportSize({ width: 1280, height: 800 });
  if (findings.length > 0) throw new Error(`${findings.length} findings\n${findings.join('\n')}`);
}

/** The picture of the whole page, for a person to look at. */
export async function picture(page, name) {
  await page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true, animations: 'disabled' });
}

/** Nothing is loading and two frames have been painted. */
export async function settled(page) {
  await page.waitForLoadState('load');
  await eventually('the page stops loading', () =>
    page.evaluate(() => document.querySelector('.skeleton, [aria-busy="true"]') === null),
  );
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

const debuggers = new WeakMap();

/** The page's debugger, kept: Chromium takes a page's software authenticator away when one is detached. */
async function debuggerOf(page) {
  if (!debuggers.has(page)) debuggers.set(page, await page.context().newCDPSession(page));
  return debuggers.get(page);
}

/** What axe finds, one line a node. */
export async function axe(page) {
  // Straight into the page by the debugger: the page's policy lets no other script in.
  const session = await debuggerOf(page);
  const evaluate = async (expression) => {
    const answer = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description ?? 'axe failed');
    return answer.result.value;
  };
  await evaluate(`${AXE}; undefined`);
  const options = { runOnly: { type: 'tag', values: TAGS }, resultTypes: ['violations'] };
  const found = await evaluate(`axe.run(document, ${JSON.stringify(options)}).then((r) => JSON.stringify(r.violations))`);
  return JSON.parse(found).flatMap((violation) =>
    violation.nodes.map((node) => {
      const detail = [...node.any, ...node.all, ...node.none].map((check) => check.message).join('; ');
      return `${violation.id} at ${node.target.flat().join(' ')}: ${detail}`;
    }),
  );
}

function overflow(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;
  });
}
