// RFC 6238 by node:crypto, written apart from the server's own, so that both can be wrong only alike.
import { createHmac } from 'node:crypto';

const STEP_SECONDS = 30;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export const step = (now = Date.now()) => Math.floor(now / 1000 / STEP_SECONDS);

/** Six digits for a time step. */
export function code(secret, at = step(), algorithm = 'sha1') {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(at));
  const mac = createHmac(algorithm, base32(secret)).update(counter).digest();
  const offset = mac[mac.length - 1] & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

function base32(text) {
  let bits = '';
  for (const letter of text.replace(/[\s=]/g, '').toUpperCase()) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Error(`${letter} is no letter of base 32`);
    bits += value.toString(2).padStart(5, '0');
  }
  const bytes = bits.match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

// RFC 6238, appendix B: the last six of the eight digits at 59 s and at 1111111109 s.
const RFC_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
for (const [seconds, digits] of [[59, '287082'], [1_111_111_109, '081804']]) {
  const got = code(RFC_SECRET, Math.floor(seconds / STEP_SECONDS));
  if (got !== digits) throw new Error(`the code at ${seconds} s is ${got}, RFC 6238 says ${digits}`);
}
