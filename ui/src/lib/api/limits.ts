/** The calls and wire types of the page of limits: who asks how much, who is kept out by address. */
import { get, post } from './client';
import type { Operations, Zone } from './operations';

export interface ListedPrefixes {
  file: string;
  name: string | null;
  date: string | null;
  key: string | null;
  prefixes: number;
  stale: boolean;
  problem: string | null;
}

export interface Block {
  prefix: string;
  until: string;
  why: string;
  by: string;
  at: string;
}

export interface Limits {
  zones: { zone: Zone; per_minute: number; admitted: number; refused: number }[];
  waiting: Operations['blocked'];
  lists: ListedPrefixes[];
  stale_after_days: number;
  blocks: Block[];
  allowed: number;
  refused_listed: number;
  refused_blocked: number;
}

export const limits = {
  show: () => get<Limits>('/limits'),
  block: (prefix: string, seconds: number, why: string) => post<Block>('/limits/blocks', { prefix, seconds, why }),
  lift: (prefix: string) => post<void>('/limits/blocks/lift', { prefix }),
};
