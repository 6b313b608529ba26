/**
 * An authenticator in software, and the browser before it: makes and uses credentials as WebAuthn Level 3 section 6 says,
 * and can be told to lie in every member.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { type Cbor, cbor } from './cbor.ts';

export type Algorithm = 'ES256' | 'RS256' | 'EdDSA';

export interface Credential {
  readonly id: string;
  readonly userHandle: string;
  readonly rpId: string;
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
  counter: number;
}

/** What is told otherwise than it is. */
export interface Lies {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly type?: string;
  readonly crossOrigin?: boolean;
  readonly topOrigin?: string;
  readonly up?: boolean;
  readonly uv?: boolean;
  readonly be?: boolean;
  readonly bs?: boolean;
  readonly counter?: number;
  readonly userHandle?: string;
  readonly id?: string;
  readonly transports?: readonly string[];
  readonly attachment?: string;
  /** Of the COSE key. */
  readonly alg?: number;
  readonly format?: string;
  readonly statement?: ReadonlyMap<string, Cbor>;
  /** Changes the bytes that were signed, or the attestation object, before they are sent. */
  readonly bend?: (bytes: Buffer) => Buffer;
}

interface AskedOptions {
  readonly challenge: string;
}

export interface CreationOptions extends AskedOptions {
  readonly rp: { readonly id: string };
  readonly user: { readonly id: string };
}

const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest();

/** @param origin of the page on which the browser stands */
export function createAuthenticator(origin: string) {
  const clientData = (type: string, challenge: string, lies: Lies) =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: lies.crossOrigin ?? false,
        ...(lies.topOrigin === undefined ? {} : { topOrigin: lies.topOrigin }),
      }),
    );

  const data = (rpId: string, counter: number, lies: Lies, attested: Buffer = Buffer.alloc(0)) => {
    const bit = (on: boolean, place: number) => (on ? 1 << place : 0);
    const flags =
      bit(lies.up ?? true, 0) |
      bit(lies.uv ?? true, 2) |
      bit(lies.be ?? true, 3) |
      bit(lies.bs ?? true, 4) |
      bit(attested.length > 0, 6);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(lies.counter ?? counter);
    return Buffer.concat([sha256(lies.rpId ?? rpId), Buffer.of(flags), count, attested]);
  };

  return {
    /** navigator.credentials.create: the answer as JSON, and what the authenticator keeps. */
    create(
      options: CreationOptions,
      lies: Lies = {},
      algorithm: Algorithm = 'ES256',
      again?: Credential,
    ): { response: string; credential: Credential } {
      const { key, cose } = again
        ? { key: again.key, cose: coseOf(again.key, again.algorithm) }
        : newKey(algorithm);
      const id = again ? Buffer.from(again.id, 'base64url') : randomBytes(32);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const named = new Map(cose);
      if (lies.alg !== undefined) named.set(3, lies.alg);
      const attested = Buffer.concat([Buffer.alloc(16), length, id, cbor(named)]);
      const counter = lies.counter ?? 0;
      const object = cbor(
        new Map<string, Cbor>([
          ['fmt', lies.format ?? 'none'],
          ['attStmt', lies.statement ?? new Map()],
          ['authData', data(options.rp.id, counter, lies, attested)],
        ]),
      );
      const response = {
        id: lies.id ?? b64(id),
        rawId: lies.id ?? b64(id),
        type: 'public-key',
        authenticatorAttachment: lies.attachment ?? 'platform',
        clientExtensionResults: { credProps: { rk: true } },
        response: {
          clientDataJSON: b64(clientData('webauthn.create', options.challenge, lies)),
          attestationObject: b64((lies.bend ?? ((bytes) => bytes))(object)),
          transports: lies.transports ?? ['internal', 'hybrid'],
        },
      };
      const credential = {
        id: b64(id),
        userHandle: options.user.id,
        rpId: options.rp.id,
        algorithm,
        key,
        counter,
      };
      return { response: JSON.stringify(response), credential };
    },

    /** navigator.credentials.get: the answer as JSON. */
    get(options: AskedOptions, credential: Credential, lies: Lies = {}): string {
      const authenticatorData = data(credential.rpId, credential.counter, lies);
      const client = clientData('webauthn.get', options.challenge, lies);
      const signed = Buffer.concat([authenticatorData, sha256(client)]);
      const signature = sign(credential.algorithm === 'EdDSA' ? null : 'sha256', signed, credential.key);
      return JSON.stringify({
        id: lies.id ?? credential.id,
        rawId: lies.id ?? credential.id,
        type: 'public-key',
        authenticatorAttachment: lies.attachment ?? 'platform',
        clientExtensionResults: {},
        response: {
          clientDataJSON: b64(client),
          authenticatorData: b64((lies.bend ?? ((bytes) => bytes))(authenticatorData)),
          signature: b64(signature),
          userHandle: lies.userHandle ?? credential.userHandle,
        },
      });
    },
  };
}

export type Authenticator = ReturnType<typeof createAuthenticator>;

function newKey(algorithm: Algorithm): { key: KeyObject; cose: Map<number, Cbor> } {
  const { privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : algorithm === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { key: privateKey, cose: coseOf(privateKey, algorithm) };
}

/** RFC 9053 section 7 and RFC 8230 section 4. */
function coseOf(key: KeyObject, algorithm: Algorithm): Map<number, Cbor> {
  const { x = '', y = '', n = '', e = '' } = key.export({ format: 'jwk' });
  const bytes = (text: string) => Buffer.from(text, 'base64url');
  switch (algorithm) {
    case 'ES256':
      return new Map<number, Cbor>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, bytes(x)],
        [-3, bytes(y)],
      ]);
    case 'EdDSA':
      return new Map<number, Cbor>([
        [1, 1],
        [3, -8],
        [-1, 6],
        [-2, bytes(x)],
      ]);
    case 'RS256':
      return new Map<number, Cbor>([
        [1, 3],
        [3, -257],
        [-1, bytes(n)],
        [-2, bytes(e)],
      ]);
  }
}
