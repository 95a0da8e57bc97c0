/** The calls and wire types of licences that this server issued. */
import { get, post } from './client';

export interface Licence {
  id: string;
  edition: string;
  entitlements: string[];
  instances: number;
  /** Seats that are taken. */
  taken: number;
  term: 'trial' | 'paid';
  issued: string;
  not_before: string;
  paid_until: string;
  hard_until: string;
  grace_hours: number;
  state: 'issued' | 'suspended' | 'revoked';
  changed: string;
  note: string;
}

export interface Instance {
  id: string;
  key: string;
  version: string;
  boots: number;
  activated: string;
  seen: string;
  /** Null while it has its seat. */
  released: string | null;
}

export interface LicenceForm {
  edition: string;
  entitlements: string[];
  instances: number;
  paid_until: string;
  grace_hours: number;
  trial: boolean;
  note: string;
}

export interface FreshLicence {
  licence: Licence;
  file: string;
  issuer: string;
}

export type LicenceAct = 'suspend' | 'resume' | 'revoke';

const seg = encodeURIComponent;

export const licences = {
  page: (after: string | null) => get<{ issuer: string; licences: Licence[]; next: string | null }>(`/licences${after ? `?after=${seg(after)}` : ''}`),
  one: (id: string) => get<{ licence: Licence; instances: Instance[] }>(`/licences/${seg(id)}`),
  issue: (form: LicenceForm) => post<FreshLicence>('/licences', form),
  act: (id: string, act: LicenceAct) => post<void>(`/licences/${seg(id)}/${act}`, {}),
  release: (id: string, instance: string) => post<void>(`/licences/${seg(id)}/release`, { instance }),
};

/** Names as they are typed, with commas or blanks between them. */
export const named = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** What can be done with a licence in this state. */
export const actsOf = (one: Licence): LicenceAct[] =>
  one.state === 'issued' ? ['suspend', 'revoke'] : one.state === 'suspended' ? ['resume', 'revoke'] : [];
