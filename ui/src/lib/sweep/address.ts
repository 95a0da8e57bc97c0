/** The set that an address names, as `#set=137`; null for none. */
export function setOf(hash: string): number | null {
  const found = /^#set=(\d{1,9})$/.exec(hash)?.[1];
  return found === undefined ? null : Number(found);
}
