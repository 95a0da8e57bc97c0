import { expect, test } from 'vitest';
import { bytes, text } from './passkey';

test('bytes travel as base64url without padding', () => {
  for (const [given, want] of [[[], ''], [[0], 'AA'], [[251, 255], '-_8'], [[1, 2, 3], 'AQID']] as const) {
    expect(text(Uint8Array.from(given).buffer)).toBe(want);
    expect([...bytes(want)]).toEqual([...given]);
  }
  const all = Uint8Array.from({ length: 256 }, (_, n) => n);
  expect([...bytes(text(all.buffer))]).toEqual([...all]);
});
