/** A link that leads to another site waits here until the person has been told. */

/** Where a link leads, if it leaves this site for a page elsewhere. Pure. */
export function elsewhere(href: string, origin: string): string | null {
  let url: URL;
  try {
    url = new URL(href, origin);
  } catch {
    return null;
  }
  return (url.protocol === 'https:' || url.protocol === 'http:') && url.origin !== origin ? url.href : null;
}

class Leaving {
  /** The address that is asked about; null while nobody leaves. */
  to: string | null = $state(null);
}

export const leaving = new Leaving();
