// Seals a report in the browser, in the file format of age (https://age-encryption.org/v1): the server gets a file
// that it cannot open. X25519, HKDF and HMAC are the browser's; ChaCha20-Poly1305 (RFC 8439), which no browser
// offers, is here. It seals one text under one key that is used once.

const utf8 = new TextEncoder();

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function base64(bytes) {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export function unbase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function chachaBlock(key, nonce, counter) {
  const state = new Uint32Array(16);
  state.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
  const words = (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(4 * at, true));
  };
  state.set(words(key), 4);
  state[12] = counter;
  state.set(words(nonce), 13);
  const x = state.slice();
  const turned = (word, bits) => (word << bits) | (word >>> (32 - bits));
  const quarter = (a, b, c, d) => {
    x[a] += x[b]; x[d] = turned(x[d] ^ x[a], 16);
    x[c] += x[d]; x[b] = turned(x[b] ^ x[c], 12);
    x[a] += x[b]; x[d] = turned(x[d] ^ x[a], 8);
    x[c] += x[d]; x[b] = turned(x[b] ^ x[c], 7);
  };
  for (let round = 0; round < 10; round += 1) {
    quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15);
    quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14);
  }
  const out = new DataView(new ArrayBuffer(64));
  for (let at = 0; at < 16; at += 1) out.setUint32(4 * at, (x[at] + state[at]) >>> 0, true);
  return new Uint8Array(out.buffer);
}

function number(bytes) {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at]);
  return value;
}

function poly1305(key, message) {
  const prime = (1n << 130n) - 5n;
  const r = number(key.slice(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    sum = ((sum + number(joined(message.slice(at, at + 16), [1]))) * r) % prime;
  }
  sum += number(key.slice(16, 32));
  return Uint8Array.from({ length: 16 }, (_, at) => Number((sum >> BigInt(8 * at)) & 0xffn));
}

export function chacha20poly1305(key, nonce, plaintext) {
  const sealed = plaintext.slice();
  for (let at = 0; at < sealed.length; at += 64) {
    const block = chachaBlock(key, nonce, 1 + at / 64);
    for (let i = 0; i < 64 && at + i < sealed.length; i += 1) sealed[at + i] ^= block[i];
  }
  const lengths = new Uint8Array(16);
  new DataView(lengths.buffer).setUint32(8, sealed.length, true);
  const filled = new Uint8Array((16 - (sealed.length % 16)) % 16);
  const tag = poly1305(chachaBlock(key, nonce, 0).slice(0, 32), joined(sealed, filled, lengths));
  return joined(sealed, tag);
}

async function hkdf(secret, salt, info) {
  const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const how = { name: 'HKDF', hash: 'SHA-256', salt, info: utf8.encode(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
}

async function stanza(recipient, fileKey) {
  const curve = { name: 'X25519' };
  const once = await crypto.subtle.generateKey(curve, true, ['deriveBits']);
  const share = new Uint8Array(await crypto.subtle.exportKey('raw', once.publicKey));
  const peer = await crypto.subtle.importKey('raw', recipient, curve, false, []);
  const how = { name: 'X25519', public: peer };
  const secret = new Uint8Array(await crypto.subtle.deriveBits(how, once.privateKey, 256));
  if (secret.every((byte) => byte === 0)) throw new Error('the recipient is no key');
  const wrapping = await hkdf(secret, joined(share, recipient), 'age-encryption.org/v1/X25519');
  const wrapped = chacha20poly1305(wrapping, new Uint8Array(12), fileKey);
  const bare = (bytes) => base64(bytes).replace(/=+$/, '');
  return `-> X25519 ${bare(share)}\n${bare(wrapped)}\n`;
}

/** The text, sealed to each of the recipients (32 bytes each), as `age -a` writes it. */
export async function seal(recipients, text) {
  const plaintext = utf8.encode(text);
  if (plaintext.length > 48 * 1024 || recipients.length === 0) throw new Error('too long');
  const fileKey = crypto.getRandomValues(new Uint8Array(16));
  let header = 'age-encryption.org/v1\n';
  for (const recipient of recipients) header += await stanza(recipient, fileKey);
  header += '---';
  const sum = { name: 'HMAC', hash: 'SHA-256' };
  const macKey = await crypto.subtle.importKey(
    'raw', await hkdf(fileKey, new Uint8Array(0), 'header'), sum, false, ['sign'],
  );
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', macKey, utf8.encode(header)));
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const last = new Uint8Array(12);
  last[11] = 1;
  const payload = chacha20poly1305(await hkdf(fileKey, nonce, 'payload'), last, plaintext);
  const head = utf8.encode(`${header} ${base64(mac).replace(/=+$/, '')}\n`);
  const lines = base64(joined(head, nonce, payload)).match(/.{1,64}/g).join('\n');
  return `-----BEGIN AGE ENCRYPTED FILE-----\n${lines}\n-----END AGE ENCRYPTED FILE-----\n`;
}

/** The answer to a puzzle: with it, SHA-256 begins with so many zero bits. */
export async function solved(puzzle, bits) {
  for (let tried = 0; ; tried += 1) {
    const bytes = utf8.encode(`${puzzle}.${tried}`);
    const digest = new DataView(await crypto.subtle.digest('SHA-256', bytes));
    if (Math.clz32(digest.getUint32(0)) >= bits) return `${puzzle}.${tried}`;
  }
}

/** What the server asks of whoever comes from a busy network; without an answer it says so itself. */
async function work() {
  try {
    const answer = await fetch('/api/v1/puzzle');
    const { puzzle, bits } = await answer.json();
    return bits > 0 ? await solved(puzzle, bits) : '';
  } catch {
    return '';
  }
}

function wire(form) {
  const text = form.elements.namedItem('text');
  const said = document.getElementById('sealing');
  const recipients = form.dataset.recipients.split(' ').map(unbase64);
  let asked = false;
  said.textContent = form.dataset.ready;
  form.addEventListener('submit', async (event) => {
    const isSealed = text.value.trimStart().startsWith('-----BEGIN AGE ENCRYPTED FILE-----');
    if (asked) return;
    event.preventDefault();
    try {
      if (!isSealed) text.value = await seal(recipients, text.value.trim());
      form.elements.namedItem('work').value = await work();
      form.submit();
    } catch {
      // Whoever sends it again lets the server seal it, and was told so.
      asked = true;
      said.textContent = form.dataset.failed;
    }
  });
}

if (typeof document !== 'undefined') {
  const form = document.getElementById('report');
  if (form) wire(form);
}
