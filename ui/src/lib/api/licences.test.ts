import { expect, test } from 'vitest';
import { actsOf, named, type Licence } from './licences';

test('names are told apart however they are typed', () => {
  expect(named(' live, paper\tsweeps,,')).toEqual(['live', 'paper', 'sweeps']);
  expect(named(' , ')).toEqual([]);
});

test('a licence offers what its state allows, and a revoked one nothing', () => {
  const of = (state: Licence['state']) => actsOf({ state } as Licence);
  expect(of('issued')).toEqual(['suspend', 'revoke']);
  expect(of('suspended')).toEqual(['resume', 'revoke']);
  expect(of('revoked')).toEqual([]);
});
