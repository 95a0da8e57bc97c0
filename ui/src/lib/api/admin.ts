/** The calls and wire types of those who run the server. */
import { del, get, post, put } from './client';

export interface User {
  id: string;
  email: string | null;
  display_name: string | null;
  role: string;
  standing: 'active' | 'disabled';
  created: string;
}

export interface UserDetail {
  user: User;
  password: boolean;
  totp: boolean;
  recovery_codes: number;
  passkeys: number;
  sessions: number;
  tokens: number;
  loss: { ready: string; voucher: 'none' | 'awaited' | 'given' } | null;
  erasure: string | null;
  needs_two: boolean;
}

export interface Person {
  id: string;
  display_name: string | null;
  email: string | null;
}

export interface Proposal {
  id: string;
  act: 'set_role' | 'disable' | 'bulk_export' | 'retention' | 'root_key';
  account: Person | null;
  role: string | null;
  by: Person;
  at: string;
  not_before: string | null;
  expires: string;
  approved_by: Person | null;
  mine: boolean;
}

export type ProposalForm = { act: 'set_role'; account: string; role: string } | { act: 'disable'; account: string };

export interface Invitation {
  id: string;
  email: string | null;
  role: string | null;
  by: Person;
  issued: string;
  expires: string;
}

/** A vendor's key, without the key. */
export interface VendorKey {
  vendor: string;
  fingerprint: string;
  created: string;
  by: Person | null;
}

export interface AccessReview {
  duty: 'done' | 'due' | 'overdue';
  due: string | null;
  opens: string | null;
  signed_by: Person | null;
  signed_at: string | null;
  grants: string;
  counts: Record<string, number>;
  lines: { account: Person; role: string; standing: 'active' | 'disabled'; tokens: number }[];
  more: number;
}

export interface UserQuery {
  email?: string;
  role?: string;
  standing?: string;
  before?: string;
}

const seg = encodeURIComponent;

function query(values: Record<string, string | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value) params.set(name, value);
  const text = params.toString();
  return text ? `?${text}` : '';
}

/** A worker or a bot. */
export interface Machine {
  machine: string;
  epoch: number;
  belongs: boolean;
  /** Whose it is, and goes with; null for what was let in on the host. */
  keeper: string | null;
  added: string;
  token_ends: string | null;
  certificate_ends: string | null;
  seen: string | null;
  /** Belongs, and was not heard for half a minute. */
  silent: boolean;
  version: string | null;
  world: 'live' | 'paper' | 'worker' | null;
  state: 'trading' | 'managing' | 'syncing' | 'halted' | 'idle' | null;
  ticked: string | null;
  witness: boolean;
}

export interface MachineToken {
  machine: string;
  token: string;
  ends: string;
}

export const admin = {
  machines: () => get<{ listen: string | null; machines: Machine[] }>('/machines'),
  addMachine: (machine: string) => post<MachineToken>('/machines', { machine }),
  revokeMachine: (machine: string) => post<void>('/machines/revoke', { machine }),

  users: (wanted: UserQuery) => get<{ users: User[]; next: string | null }>(`/users${query({ ...wanted })}`),
  user: (id: string) => get<UserDetail>(`/users/${seg(id)}`),
  setRole: (id: string, role: string) => post<void>(`/users/${seg(id)}/role`, { role }),
  disable: (id: string) => post<void>(`/users/${seg(id)}/disable`, {}),
  enable: (id: string) => post<void>(`/users/${seg(id)}/enable`, {}),
  /** Everybody's, but the one that asks. */
  endAllSessions: () => post<{ ended: number }>('/sessions/end-all', { own: 'keep' }),
  endSessions: (id: string) => post<void>(`/users/${seg(id)}/end-sessions`, {}),
  vouch: (id: string) => post<void>('/loss/vouch', { account: id }),
  reset: (id: string) => post<void>(`/users/${seg(id)}/reset`, {}),

  invitations: () => get<{ invitations: Invitation[] }>('/invitations').then((answer) => answer.invitations),
  invite: (email: string, role: string) => post<void>('/invitations', { email, role }),
  withdraw: (id: string) => del(`/invitations/${seg(id)}`),

  proposals: () => get<{ proposals: Proposal[] }>('/proposals').then((answer) => answer.proposals),
  propose: (form: ProposalForm) => post<{ id: string }>('/proposals', form),
  approve: (id: string) => post<void>(`/proposals/${seg(id)}/approve`, {}),
  cancel: (id: string) => post<void>(`/proposals/${seg(id)}/cancel`, {}),
  carry: (id: string) => post<void>(`/proposals/${seg(id)}/carry`, {}),

  vendorKeys: () => get<{ keys: VendorKey[] }>('/vendor-keys').then((answer) => answer.keys),
  putVendorKey: (vendor: string, key: string) => put<VendorKey>(`/vendor-keys/${seg(vendor)}`, { key }),
  removeVendorKey: (vendor: string) => del(`/vendor-keys/${seg(vendor)}`),

  review: () => get<AccessReview>('/access-review'),
  sign: (grants: string) => post<void>('/access-review/sign', { grants }),
};

/** How a person is called, on a page: by name, by address, by number where the account is gone. */
export const called = (person: Person | User): string => person.display_name || person.email || person.id;
