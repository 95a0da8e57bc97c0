import { expect, test } from 'vitest';
import { pieces } from './letter';

const ORIGIN = 'https://localhost:8443';

test('links of this site stand by themselves and nothing is lost', () => {
  const text = `Hello,\n\n${ORIGIN}/link/reset#abc-_1\n\nor ${ORIGIN}/audit now. https://evil.example/x`;
  const found = pieces(text, ORIGIN);
  expect(found.filter((piece) => 'link' in piece)).toEqual([{ link: `${ORIGIN}/link/reset#abc-_1` }, { link: `${ORIGIN}/audit` }]);
  expect(found.map((piece) => ('link' in piece ? piece.link : piece.text)).join('')).toBe(text);
});

test('another origin is no link, however it begins', () => {
  const text = `${ORIGIN}0/x https://localhost:8443.evil.example/x`;
  expect(pieces(text, ORIGIN)).toEqual([{ text }]);
  expect(pieces('', ORIGIN)).toEqual([]);
});
