/** JSON and tables whose keys come from data. Pure. */

// A key may hide behind an escape, as in "__pro\u0074o__": such a text is looked at key by key.
const SUSPECT = /__proto__|\\u/i;

/** A JSON text; a key `__proto__`, which some ways of copying would take for a prototype, is left out. */
export function parse(text: string): unknown {
  // The look at each key costs several times what reading costs, and a table of prices has none.
  if (!SUSPECT.test(text)) return JSON.parse(text);
  return JSON.parse(text, function (this: unknown, key: string, value: unknown) {
    return key === '__proto__' ? undefined : value;
  });
}

/** What a table says of a name out of data: only what it holds itself, never what every object has. */
export function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
