// The pages of accounts by keyboard alone: everything is reached, in sight while it has the focus, and dialogs give it back.
import { fetched } from '../browser.mjs';
import { settled } from '../looks.mjs';
import { equal, eventually, holds } from '../tests.mjs';
import { t } from '../words.mjs';

const STOPS = 'a[href], button, input, select, textarea, summary, [tabindex]';

export async function keyboard(world, step) {
  const { page } = world;
  const [user] = (await fetched(page, '/api/v1/users')).body.users.filter((one) => one.role !== 'owner');
  const paths = ['/account', '/account/security', '/admin/users', `/admin/users/${user.id}`, '/admin/invitations', '/admin/approvals', '/admin/reviews', '/admin/machines', '/admin/licences'];

  for (const width of [1280, 375]) {
    await step(`everything on the pages of accounts is reached by Tab and is in sight then, ${width} px`, async () => {
      await page.setViewportSize({ width, height: 740 });
      const findings = [];
      for (const path of paths) {
        await page.goto(path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await settled(page);
        findings.push(...(await walked(page)).map((one) => `${path.replace(user.id, '…')}: ${one}`));
      }
      await page.setViewportSize({ width: 1280, height: 800 });
      equal(findings, [], 'what the keyboard does not do');
    });
  }

  await step('a dialog takes the focus, keeps it, and gives it back', async () => {
    const findings = [];
    let opened = 0;
    for (const path of ['/account', '/account/security', `/admin/users/${user.id}`]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await settled(page);
      const buttons = page.locator('main button:not(dialog button):not([type=submit]):not([disabled])');
      for (let n = 0; n < (await buttons.count()); n += 1) {
        const button = buttons.nth(n);
        const name = await button.innerText();
        // Only what asks first: these would do something at once.
        if (/\b(Export|Take|Copy|End|Revoke)\b/.test(name) && !path.startsWith('/admin/')) continue;
        await button.focus();
        await page.keyboard.press('Enter');
        const dialog = page.getByRole('dialog');
        if (!(await appears(dialog))) continue;
        opened += 1;
        for (let presses = 0; presses < 12; presses += 1) await page.keyboard.press('Tab');
        const inside = await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest('dialog') !== null);
        if (!inside) findings.push(`${path}, ${name}: the focus left the dialog`);
        await page.keyboard.press('Escape');
        await dialog.waitFor({ state: 'hidden' });
        if (!(await button.evaluate((one) => one === document.activeElement))) findings.push(`${path}, ${name}: the focus did not come back`);
      }
    }
    equal(findings, [], 'dialogs');
    holds(opened >= 6, `only ${opened} dialogs were opened`);
  });

  await step('the pages of accounts speak German, whatever they show', async () => {
    await page.evaluate(() => localStorage.setItem('stockade.language', 'de'));
    for (const [path, key] of [['/account', 'account.title'], ['/account/security', 'security.title'], ['/admin/users', 'users.title'], ['/admin/reviews', 'reviews.title']]) {
      await page.goto(path);
      await page.getByRole('heading', { name: t(key, {}, 'de'), level: 1 }).waitFor();
    }
    await page.evaluate(() => localStorage.removeItem('stockade.language'));
    await page.goto('/account');
    await page.getByRole('heading', { name: t('account.title'), level: 1 }).waitFor();
  });
}

async function appears(dialog) {
  return eventually('a dialog', () => dialog.isVisible(), 2_000).catch(() => false);
}

/** Presses Tab from the top to the end; what was passed over, or cannot be seen while it has the focus. */
async function walked(page) {
  const marked = await page.evaluate((selector) => {
    document.activeElement?.blur();
    const stops = [...document.querySelectorAll(selector)].filter((one) => {
      if (one.tabIndex < 0 || one.matches(':disabled') || one.closest('dialog:not([open])')) return false;
      // Of a group of radio buttons the keyboard stops at one.
      if (one.type === 'radio') return one.checked;
      return one.checkVisibility({ visibilityProperty: true });
    });
    stops.forEach((one, n) => (one.dataset.stop = String(n)));
    return stops.length;
  }, STOPS);
  const reached = new Set();
  const findings = [];
  for (let presses = 0; presses < marked + 10; presses += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(seen);
    if (at === null) break;
    if (at.stop !== undefined && reached.has(at.stop)) break;
    if (at.stop !== undefined) reached.add(at.stop);
    if (at.wrong) findings.push(`${at.name}: ${at.wrong}`);
  }
  const missed = await page.evaluate((got) => [...document.querySelectorAll('[data-stop]')]
    .filter((one) => !got.includes(one.dataset.stop)).map((one) => one.outerHTML.slice(0, 90)), [...reached]);
  return [...findings, ...missed.map((one) => `not reached: ${one}`)];
}

/** What has the focus, and what is wrong with how it shows. Runs in the page. */
function seen() {
  const one = document.activeElement;
  if (!one || one === document.body || one === document.documentElement) return null;
  const name = one.getAttribute('aria-label') ?? (one.textContent.trim().slice(0, 40) || one.id || one.name || one.tagName);
  const label = one.closest('label');
  const ringed = [one, label].some((part) => part && getComputedStyle(part).outlineStyle !== 'none' && parseFloat(getComputedStyle(part).outlineWidth) >= 1);
  const shadowed = getComputedStyle(one).boxShadow !== 'none';
  const box = (one.type === 'radio' && label ? label : one).getBoundingClientRect();
  const [x, y] = [box.x + Math.min(box.width / 2, 40), box.y + box.height / 2];
  const top = document.elementFromPoint(x, y);
  const covered = !top || !(one.contains(top) || top.contains(one) || (label && label.contains(top)));
  const wrong = !ringed && !shadowed ? 'no ring around it' : covered ? `covered or out of sight at ${Math.round(x)}, ${Math.round(y)}` : null;
  return { stop: one.dataset.stop, name, wrong };
}
