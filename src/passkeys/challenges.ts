/**
 * Challenges (WebAuthn Level 3 section 13.4.3) that cost nothing until they come back: randomness and an expiry under a
 * MAC over what they are for and the page of this browser that they were made for. Whoever looks at a sign-in page
 * therefore writes nothing; a challenge that comes back is claimed in one statement, and of any number of callers on any
 * number of processes one gets it.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../config/clock.ts';
import type { Artifacts } from '../storage/artifacts.ts';

export type ChallengePurpose = 'sign-in' | 'add';

export interface ChallengePlace {
  readonly purpose: ChallengePurpose;
  /** A secret word of this browser and page (the CSRF token of its form), so that no other page can use the challenge. */
  readonly bound: string;
  /** Whom a new passkey is for. */
  readonly holderId?: string | undefined;
}

export interface Challenges {
  issue(place: ChallengePlace): Uint8Array<ArrayBuffer>;
  /** Uses it up when it was made for this place and is not too old; true once. @throws StorageUnavailable */
  redeem(place: ChallengePlace, challenge: string): Promise<boolean>;
}

const RANDOM_BYTES = 16;
const EXPIRY_BYTES = 6;
const MAC_BYTES = 32;
const WHOLE = RANDOM_BYTES + EXPIRY_BYTES + MAC_BYTES;

export function createChallenges(o: {
  /** Newest first: the first makes them, all of them verify. */
  keys: readonly string[];
  clock: Clock;
  claim: Artifacts['claim'];
  lifetimeSeconds: number;
}): Challenges {
  const [newest] = o.keys;
  if (newest === undefined) throw new RangeError('Challenges need a key.');

  const macOf = (key: string, head: Uint8Array, { purpose, bound, holderId }: ChallengePlace): Buffer =>
    createHmac('sha256', key)
      .update('passkey challenge\n')
      .update(head)
      .update(JSON.stringify([purpose, bound, holderId ?? null]))
      .digest();

  return {
    issue(place) {
      const head = Buffer.alloc(RANDOM_BYTES + EXPIRY_BYTES);
      randomBytes(RANDOM_BYTES).copy(head);
      head.writeUIntBE(o.clock.now() + o.lifetimeSeconds * 1000, RANDOM_BYTES, EXPIRY_BYTES);
      return Uint8Array.from([...head, ...macOf(newest, head, place)]);
    },
    async redeem(place, challenge) {
      const bytes = Buffer.from(challenge, 'base64url');
      // Base64url has several spellings for the same bytes; the claim below must see one.
      if (bytes.length !== WHOLE || bytes.toString('base64url') !== challenge) return false;
      const head = bytes.subarray(0, RANDOM_BYTES + EXPIRY_BYTES);
      const mac = bytes.subarray(RANDOM_BYTES + EXPIRY_BYTES);
      if (!o.keys.some((key) => timingSafeEqual(macOf(key, head, place), mac))) return false;
      const expiresAt = head.readUIntBE(RANDOM_BYTES, EXPIRY_BYTES);
      return expiresAt > o.clock.now() && (await o.claim('passkey challenge', challenge, expiresAt));
    },
  };
}
