/** One's own account: what it is entered with, its tokens, its history, its end. */
import { del, get, post, request, type RequestOptions } from './client';
import type { Account, AuditEntry, Factor } from './wire';

export interface PasskeyRequest {
  ticket: string;
  challenge: string;
  rp_id: string;
  user_verification: 'required' | 'preferred';
  allow: string[];
}

export interface PasskeyCreation {
  ticket: string;
  challenge: string;
  rp_id: string;
  user_id: string;
  user_name: string;
  user_display_name: string;
  user_verification: 'required' | 'preferred';
  algorithms: number[];
  exclude: string[];
}

export interface Assertion {
  credential: string;
  client_data: string;
  authenticator_data: string;
  signature: string;
  user_handle?: string;
}

export interface Attestation {
  client_data: string;
  attestation_object: string;
}

/** A second factor: a code, or a passkey's answer. */
export type GivenFactor =
  | { kind: 'totp' | 'recovery'; code: string }
  | { kind: 'passkey'; ticket: string; assertion: Assertion };

/** All factors of an account; either part is left out where it has no such thing. */
export interface ProofBody {
  password?: string;
  factor?: GivenFactor;
}

export interface Passkey {
  key: string;
  label: string;
  created: string;
  synced: boolean;
}

export interface OwnAccount {
  email: string;
  display_name: string;
  role: string;
  created: string;
  has_password: boolean;
  needs_factor: boolean;
  totp: string | null;
  recovery: number;
  passkeys: Passkey[];
  passkey_origin: string | null;
  erasure: string | null;
}

export interface Token {
  id: string;
  label: string;
  kind: 'token' | 'bot';
  scope: string[];
  created: string;
  expires: string;
  last_used: string | null;
}

/** What a program asks for. Its name is its own word. */
export interface Petition {
  program: string;
  address: string;
  asked: string;
  expires: string;
  scope: string[];
  /** What of it one's role cannot give. */
  beyond: string[];
  days: number;
}

const seg = encodeURIComponent;
/** These refuse a proof with 401, which says nothing of the session. */
const proof: RequestOptions = { session: 'proof' };
const open: RequestOptions = { session: 'ignore' };
type Codes = { recovery_codes: string[] };

export const security = {
  passkeySignInBegin: () => post<PasskeyRequest>('/sign-in/passkey/begin', {}, open),
  passkeySignIn: (body: { ticket: string; assertion: Assertion }) => post<{ account: Account }>('/sign-in/passkey', body, open),
  passkey: () => post<PasskeyRequest>('/session/passkey'),
  account: () => get<OwnAccount>('/account'),
  rename: (display_name: string) => post<void>('/account/name', { display_name }),
  changePassword: (body: { password: string; proof: ProofBody }) => post<void>('/account/password', body, proof),
  totpBegin: () => post<{ ticket: string; totp: { secret: string; uri: string; qr_svg: string } }>('/account/totp/begin'),
  totpEnrol: (body: { ticket: string; code: string; proof: ProofBody }) => post<Codes>('/account/totp', body, proof),
  passkeyBegin: () => post<PasskeyCreation>('/account/passkeys/begin'),
  passkeyEnrol: (body: { ticket: string; label: string; attestation: Attestation; proof: ProofBody }) =>
    post<Codes>('/account/passkeys', body, proof),
  removeFactor: (body: { kind: 'totp' | 'passkey'; key?: string; password?: string; proof: ProofBody }) =>
    post<void>('/account/factors/remove', body, proof),
  renewCodes: (body: { proof: ProofBody }) => post<Codes>('/account/recovery-codes', body, proof),
  tokens: () => get<{ tokens: Token[]; scopes: string[] }>('/account/tokens'),
  makeToken: (body: { label: string; scope: string[]; days: number }) =>
    post<{ secret: string; token: Token }>('/account/tokens', body),
  petition: (code: string) => post<Petition>('/account/petition', { code }),
  grant: (code: string) => post<void>('/account/petition/grant', { code }),
  refuse: (code: string) => post<void>('/account/petition/refuse', { code }),
  revokeToken: (id: string) => del(`/account/tokens/${seg(id)}`),
  history: (before?: number) =>
    get<{ entries: AuditEntry[] }>(before === undefined ? '/account/history?limit=25' : `/account/history?limit=25&before=${before}`),
  takeOut: () => request('POST', '/account/export', {}).then((response) => response.blob()),
  erase: (body: { proof: ProofBody }) => post<{ due: string }>('/account/erasure', body, proof),
  keep: () => post<void>('/account/erasure/stop'),
  keepByLink: (token: string) => post<void>('/account/erasure/stop-by-link', { token }, open),
};

export const ownReceipt = (index: number) => `/api/v1/account/history/${index}/receipt`;

/** The kinds of second factor that an account has, the strongest first. */
export function kindsOf(account: OwnAccount, passkeys: boolean): Factor[] {
  const kinds: Factor[] = [];
  if (account.passkeys.length && passkeys) kinds.push('passkey');
  if (account.totp) kinds.push('totp');
  if ((account.passkeys.length || account.totp) && account.recovery) kinds.push('recovery');
  return kinds;
}
