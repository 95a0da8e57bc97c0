/** Second factors as people type them. */
import type { Factor } from './api/wire';

/** The code without the blanks that apps show between its digits. */
export const typed = (kind: Factor, code: string): string => (kind === 'totp' ? code.replace(/\s/g, '') : code.trim());
