// Trust as a careful person gives it: the machine's own authority first, then exactly its key.
import { X509Certificate, createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';

/** The certificate of the authority that lies in the data directory. */
export function authority(data) {
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' });
  const found = files.find((file) => file.endsWith('authority.pem'));
  if (!found) throw new Error(`no authority.pem in ${data}`);
  return readFileSync(join(data, found), 'utf8');
}

/** The SHA-256 of the server's public key, after its chain was verified against the authority. */
export function pin(origin, ca) {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname, ca }, () => {
      const { raw } = socket.getPeerCertificate();
      const key = new X509Certificate(raw).publicKey.export({ type: 'spki', format: 'der' });
      socket.end();
      resolve(createHash('sha256').update(key).digest('base64'));
    });
    socket.on('error', reject);
  });
}

/** A request from outside a browser: method, path, headers, body; the whole answer as text. */
export function ask(origin, ca, path, { method = 'GET', headers = {}, body, until } = {}) {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, origin), { method, headers, ca }, (response) => {
      let text = '';
      const end = () => resolve({ status: response.statusCode, headers: response.headers, text });
      response.setEncoding('utf8');
      response.on('data', (piece) => {
        text += piece;
        if (until?.(text)) {
          end();
          response.destroy();
        }
      });
      response.on('end', end);
      response.on('error', () => undefined);
    });
    sent.setTimeout(20_000, () => sent.destroy(new Error(`${path} did not answer within 20 s`)));
    sent.on('error', reject);
    sent.end(body);
  });
}
