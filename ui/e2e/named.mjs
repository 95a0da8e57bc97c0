// Names in the page that could stand in for what a script means: an `<img name="cookie">` is `document.cookie`.

const PLANTED = 'data-planted';

/** Elements of the page whose id or name hides something of the document, or of the form they are in. */
export function hiding(page) {
  return page.evaluate(() => {
    const blank = document.implementation.createHTMLDocument('');
    const form = blank.createElement('form');
    const found = [];
    for (const element of document.querySelectorAll('[id], [name]')) {
      const inForm = element.matches('button, fieldset, input, object, output, select, textarea, img');
      // Only these become properties of the document.
      const inDocument = element.matches('embed, form, iframe, img, object');
      for (const name of [element.id, element.getAttribute('name')].filter(Boolean)) {
        if (inForm && element.closest('form') && name in form) found.push(`${name} of a form`);
        if (inDocument && name in blank) found.push(`${name} of the document`);
      }
    }
    return found;
  });
}

/** Elements with the names of what the pages' own code uses, as if somebody's text had become markup. */
export async function plant(page, names) {
  await page.evaluate(([all, mark]) => {
    for (const name of all) {
      for (const [tag, attribute] of [['a', 'id'], ['form', 'id'], ['input', 'name']]) {
        const element = document.createElement(tag);
        element.setAttribute(attribute, name);
        element.setAttribute(mark, '');
        element.hidden = true;
        document.body.append(element);
      }
    }
  }, [names, PLANTED]);
}

/** An image that hides a property of the document, which is what `hiding` is to find. */
export async function plantHiding(page, name) {
  await page.evaluate(([hidden, mark]) => {
    const image = document.createElement('img');
    image.setAttribute('name', hidden);
    image.setAttribute(mark, '');
    image.hidden = true;
    document.body.append(image);
  }, [name, PLANTED]);
}

export async function unplant(page) {
  await page.evaluate((mark) => document.querySelectorAll(`[${mark}]`).forEach((one) => one.remove()), PLANTED);
}
