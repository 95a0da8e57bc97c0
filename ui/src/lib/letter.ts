/** The text of a letter, cut where its links are. Pure. */

export type Piece = { text: string } | { link: string };

/** Links of this very site stand by themselves; everything else stays text. */
export function pieces(text: string, origin: string): Piece[] {
  const found: Piece[] = [];
  let rest = text;
  for (;;) {
    const at = rest.indexOf(`${origin}/`);
    if (at < 0) break;
    const end = rest.slice(at).search(/\s|$/);
    if (at > 0) found.push({ text: rest.slice(0, at) });
    found.push({ link: rest.slice(at, at + end) });
    rest = rest.slice(at + end);
  }
  if (rest) found.push({ text: rest });
  return found;
}
