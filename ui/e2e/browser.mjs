// A real Chromium with a fresh profile, and an ear for everything that it complains about.
import { chromium } from 'playwright-core';

const QUIET = [
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Starts Chromium; it trusts one key and nothing else that is unknown. */
export async function launch(executablePath, spki) {
  const root = process.getuid?.() === 0;
  return chromium.launch({
    executablePath,
    headless: true,
    args: [...QUIET, ...(root ? ['--no-sandbox'] : []), `--ignore-certificate-errors-spki-list=${spki}`],
  });
}

/** A page whose complaints are collected. */
export async function person(browser, origin, complaints, options = {}) {
  const context = await browser.newContext({
    baseURL: origin,
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  listen(context, page, origin, complaints);
  return page;
}

function listen(context, page, origin, complaints) {
  context.on('request', (request) => {
    const url = request.url();
    const own = url.startsWith(`${origin}/`) || url.startsWith('data:') || url.startsWith('blob:');
    if (!own) complaints.add(`a request to elsewhere: ${url}`);
  });
  context.on('weberror', (error) => complaints.add(`an error of the page: ${error.error().message}`));
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    complaints.add(`the console at ${page.url()}: ${message.text()} (${message.location().url})`);
  });
}

/** Complaints, less those that a test provokes on purpose. */
export class Complaints {
  #heard = [];
  #expected = null;

  add(text) {
    if (this.#expected?.test(text)) return;
    this.#heard.push(text);
  }

  /** While `work` runs, complaints that match are what is wanted. */
  async expecting(pattern, work) {
    this.#expected = pattern;
    try {
      return await work();
    } finally {
      this.#expected = null;
    }
  }

  get heard() {
    return [...this.#heard];
  }
}

/** JSON of a path, fetched by the page itself, with its cookies and under its policy. */
export function fetched(page, path) {
  return page.evaluate(async (where) => {
    const answer = await fetch(where, { headers: { accept: 'application/json' } });
    return { status: answer.status, body: answer.ok ? await answer.json() : await answer.text() };
  }, path);
}

/** Replaces the text of an editor, as a person would by keyboard. */
export async function write(page, text, kind = 'strategy') {
  const editor = page.getByTestId(`${kind}-text`);
  await editor.click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}
