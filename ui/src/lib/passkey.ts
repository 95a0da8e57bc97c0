/** Passkeys: what the server asks and answers, and what `navigator.credentials` takes and gives. */
import type { Assertion, Attestation, PasskeyCreation, PasskeyRequest } from './api/security';

/** The browser has no passkey to give, or the person declined. Both read the same, by the standard's wish. */
export class PasskeyDeclined extends Error {}

export function bytes(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

export function text(buffer: ArrayBuffer): string {
  let binary = '';
  for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Whether passkeys work on this page: at the server's own origin, in a browser that has them. */
export function usable(origin: string | null | undefined): boolean {
  return !!origin && origin === location.origin && typeof PublicKeyCredential !== 'undefined';
}

const listed = (ids: string[]) => ids.map((id) => ({ type: 'public-key' as const, id: bytes(id) }));

/** Has a passkey answer; throws `PasskeyDeclined` where none does. */
export async function answered(asked: PasskeyRequest): Promise<Assertion> {
  const credential = await taken(() => navigator.credentials.get({
    publicKey: {
      challenge: bytes(asked.challenge),
      rpId: asked.rp_id,
      userVerification: asked.user_verification,
      allowCredentials: listed(asked.allow),
    },
  }));
  const response = credential.response as AuthenticatorAssertionResponse;
  return {
    credential: text(credential.rawId),
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
    ...(response.userHandle ? { user_handle: text(response.userHandle) } : {}),
  };
}

/** Makes a passkey; throws `PasskeyDeclined` where none comes of it. */
export async function made(asked: PasskeyCreation): Promise<Attestation> {
  const credential = await taken(() => navigator.credentials.create({
    publicKey: {
      challenge: bytes(asked.challenge),
      rp: { id: asked.rp_id, name: 'Stockade' },
      user: { id: bytes(asked.user_id), name: asked.user_name, displayName: asked.user_display_name },
      pubKeyCredParams: asked.algorithms.map((alg) => ({ type: 'public-key' as const, alg })),
      excludeCredentials: listed(asked.exclude),
      authenticatorSelection: { residentKey: 'preferred', userVerification: asked.user_verification },
      attestation: 'none',
    },
  }));
  const response = credential.response as AuthenticatorAttestationResponse;
  return { client_data: text(response.clientDataJSON), attestation_object: text(response.attestationObject) };
}

async function taken(work: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let credential: Credential | null;
  try {
    credential = await work();
  } catch (error) {
    throw new PasskeyDeclined(error instanceof Error ? error.name : 'none');
  }
  if (!(credential instanceof PublicKeyCredential)) throw new PasskeyDeclined('none');
  return credential;
}
