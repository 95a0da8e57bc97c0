// Nothing was blocked, nothing complained; and the ear that says so is not deaf.
import { fetched } from '../browser.mjs';
import { equal, eventually, holds } from '../tests.mjs';

export async function policy(world, step) {
  const { page, complaints } = world;

  await step('no report of the policy, no error in the console, no request elsewhere', async () => {
    const { status, body } = await fetched(page, '/api/v1/csp-reports');
    equal(status, 200, '/api/v1/csp-reports');
    equal(body.count, 0, `reports: ${JSON.stringify(body.latest)}`);
    equal(complaints.heard, [], 'complaints');
  });

  await step('a page that breaks the policy is heard', async () => {
    await complaints.expecting(/./, async () => {
      // An inline style set as markup is what the policy blocks; the browser must say so.
      await page.evaluate(() => {
        const element = document.createElement('p');
        element.setAttribute('style', 'color: red');
        document.body.append(element);
      });
      await eventually('the report arrives', async () => {
        const { body } = await fetched(page, '/api/v1/csp-reports');
        return body.count > 0;
      });
    });
    const { body } = await fetched(page, '/api/v1/csp-reports');
    holds(JSON.stringify(body.latest).includes('style-src'), JSON.stringify(body.latest));
  });
}
