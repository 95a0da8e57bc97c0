/** What the server says of mailed links and waiting letters. */

import type { Attestation, PasskeyCreation, PasskeyRequest } from './security';

/** What a person wants a letter for. */
export type Wish = 'register' | 'reset' | 'device' | 'loss';

/** Links that do one thing at one press. */
export const SIMPLE = {
  'address-confirm': '/address/confirm',
  'address-stop': '/address/stop',
  device: '/device',
  'loss-stop': '/loss/stop',
  'erase-stop': '/account/erasure/stop-by-link',
} as const;
export type Simple = keyof typeof SIMPLE;

/** Every kind of link, as its address names it. */
export const PURPOSES = ['register', 'invite', 'reset', 'loss', 'recover', ...(Object.keys(SIMPLE) as Simple[])] as const;
export type Purpose = (typeof PURPOSES)[number];

export const isPurpose = (text: string): text is Purpose => (PURPOSES as readonly string[]).includes(text);
export const isSimple = (purpose: Purpose): purpose is Simple => Object.hasOwn(SIMPLE, purpose);

export interface MadePasskey {
  ticket: string;
  label: string;
  attestation: Attestation;
}

export interface Newcomer {
  email: string;
  role: string;
  passkey?: PasskeyCreation;
}

export type FactorName = 'totp' | 'recovery' | 'passkey';

export interface ResetBegun {
  factors: FactorName[];
  passkey?: PasskeyRequest;
}

export interface FactorBegun {
  ticket: string;
  totp: { secret: string; uri: string; qr_svg: string };
  passkey?: PasskeyCreation;
}

export interface LossShown {
  state: 'open' | 'waiting' | 'ready';
  ready?: string;
  vouching: boolean;
  factor?: FactorBegun;
}

/** A new second factor: one of the two. */
export interface FactorMade {
  totp?: { ticket: string; code: string };
  passkey?: MadePasskey;
}

export interface WaitingLetter {
  id: string;
  to: string;
  subject: string;
  text?: string;
  since: string;
  until: string;
  tries: number;
  next?: string;
  answer: string;
}

export interface Outbox {
  post: 'sent' | 'kept';
  waiting: number;
  letters: WaitingLetter[];
}
