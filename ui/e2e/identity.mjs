// A key of age for whoever opens reports: the identity into the named file, the recipient to standard output.
// Written apart from the server's own, so that both can be wrong only alike (https://age-encryption.org/v1, BIP 173).
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

function checksum(values) {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    GENERATOR.forEach((part, bit) => {
      if ((top >>> bit) & 1) sum ^= part;
    });
  }
  return sum >>> 0;
}

/** Bech32 of these bytes. */
export function bech32(prefix, bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const data = bits.match(/.{1,5}/g).map((five) => Number.parseInt(five.padEnd(5, '0'), 2));
  const letters = [...prefix].map((letter) => letter.charCodeAt(0));
  const head = [...letters.map((code) => code >> 5), 0, ...letters.map((code) => code & 31)];
  const sum = checksum([...head, ...data, 0, 0, 0, 0, 0, 0]) ^ 1;
  const tail = [25, 20, 15, 10, 5, 0].map((shift) => (sum >>> shift) & 31);
  return `${prefix}1${[...data, ...tail].map((value) => ALPHABET[value]).join('')}`;
}

const { privateKey } = generateKeyPairSync('x25519');
const { d, x } = privateKey.export({ format: 'jwk' });
const bytes = (text) => Buffer.from(text, 'base64url');
writeFileSync(process.argv[2], `${bech32('age-secret-key-', bytes(d)).toUpperCase()}\n`, { mode: 0o600 });
console.log(bech32('age', bytes(x)));
