/** What a role may do, as far as pages ask. The server decides; this hides what it would refuse. Pure. */

export type Act = 'work' | 'audit' | 'users' | 'manage' | 'grant' | 'decide' | 'sign';

const WHO: Record<Act, readonly string[]> = {
  work: ['owner', 'admin', 'trader', 'viewer'],
  audit: ['owner', 'admin', 'auditor'],
  users: ['owner', 'admin', 'support', 'auditor'],
  manage: ['owner', 'admin'],
  grant: ['owner'],
  decide: ['owner', 'admin'],
  sign: ['owner', 'admin', 'auditor'],
};

export const may = (role: string | null | undefined, act: Act): boolean => WHO[act].includes(role ?? '');

export const ROLES = ['owner', 'admin', 'support', 'auditor', 'trader', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** Roles that decide about others: giving and taking them takes two persons. */
export const governs = (role: string): boolean => role === 'owner' || role === 'admin';
