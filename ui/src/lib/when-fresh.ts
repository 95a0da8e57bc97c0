/** Acts that ask for a fresh proof of who is there: the server refuses, the person proves it, the act is done. */
import { ApiError } from './api/client';

/** What became of an act: the answer, or that the person would not prove themselves again. */
export type Outcome<T> = { done: true; value: T } | { done: false };

/** The last proof is too old, or was of the password alone where the role asks for more. */
const ASKING = ['stale', 'mfa_required'];

/** Does the act; where the server finds the last proof too old, asks for another and does it once more. */
export async function whenFresh<T>(act: () => Promise<T>, ask: () => Promise<boolean>): Promise<Outcome<T>> {
  try {
    return { done: true, value: await act() };
  } catch (refusal) {
    if (!(refusal instanceof ApiError) || !ASKING.includes(refusal.code)) throw refusal;
  }
  return (await ask()) ? { done: true, value: await act() } : { done: false };
}
