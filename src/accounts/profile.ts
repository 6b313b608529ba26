/**
 * The standard claims that an account carries (OpenID Connect Core 1.0 section 5.1), under their wire names. `sub`,
 * `email`, `email_verified` and `updated_at` are not among them: those are columns of the account itself, so that no
 * profile update reaches them. What is not listed here is refused by name, never kept (mass assignment).
 */
import { z } from 'zod';
import type { Fault } from './fault.ts';

/** Claims are shown on pages and sent in tokens: no control characters, and short. */
const MAX_TEXT = 200;
/** RFC 9110 section 4.1 asks for 8,000 octets; no picture or home page needs a quarter of that. */
const MAX_URL = 2000;

const text = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(MAX_TEXT, `must have at most ${MAX_TEXT} characters`)
  .refine((value) => !/\p{Cc}/u.test(value), 'must not hold control characters');

const url = z
  .string()
  .max(MAX_URL, `must have at most ${MAX_URL} characters`)
  .refine((value) => isWebUrl(value), 'must be an http or https address');

/** OpenID Connect Core 1.0 section 5.1.1; `formatted` and `street_address` may hold line breaks. */
const lines = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(500, 'must have at most 500 characters')
  .refine((value) => !/[^\P{Cc}\r\n]/u.test(value), 'must not hold control characters');

const address = z.strictObject({
  formatted: lines.optional(),
  street_address: lines.optional(),
  locality: text.optional(),
  region: text.optional(),
  postal_code: text.optional(),
  country: text.optional(),
});

const profile = z.strictObject({
  name: text.optional(),
  given_name: text.optional(),
  family_name: text.optional(),
  middle_name: text.optional(),
  nickname: text.optional(),
  preferred_username: text.optional(),
  profile: url.optional(),
  picture: url.optional(),
  website: url.optional(),
  gender: text.optional(),
  birthdate: z
    .string()
    .refine((value) => isBirthdate(value), 'must be YYYY-MM-DD, 0000-MM-DD or YYYY')
    .optional(),
  zoneinfo: z
    .string()
    .max(64)
    .refine((value) => isTimeZone(value), 'must be a time zone name such as Europe/Paris')
    .optional(),
  locale: z
    .string()
    .max(35)
    .refine((value) => isLocale(value), 'must be a language tag such as en-US')
    .optional(),
  phone_number: z
    .string()
    .regex(/^\+[1-9][0-9]{1,14}(;ext=[0-9]{1,10})?$/, 'must be in E.164 form, such as +15551234567')
    .optional(),
  phone_number_verified: z.boolean().optional(),
  address: address.optional(),
});

export type Profile = z.infer<typeof profile>;

/** A change: `null` takes a claim away, an absent one stays. */
export type ProfileChange = { readonly [K in keyof Profile]?: Profile[K] | null };

/** The names of all claims a profile can hold. */
export const PROFILE_CLAIMS = Object.keys(profile.shape) as readonly (keyof Profile)[];

/** Judges a profile from outside; every fault is named, `field` is the claim's path (`address.locality`). */
export function judgeProfile(
  input: unknown,
): { kind: 'profile'; profile: Profile } | { kind: 'faults'; faults: Fault[] } {
  const judged = profile.safeParse(input ?? {});
  if (judged.success) return { kind: 'profile', profile: judged.data };
  const faults = judged.error.issues.flatMap((issue): Fault[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        field: [...issue.path, key].join('.').slice(0, MAX_TEXT),
        message: 'is not a claim of a profile',
      }));
    }
    return [{ field: issue.path.join('.') || 'profile', message: issue.message }];
  });
  return { kind: 'faults', faults };
}

/**
 * `current` with `change` applied; judge the result before it is stored. A telephone number that changes is unverified
 * again, unless the same change says otherwise.
 */
export function changeProfile(current: Profile, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const after: Record<string, unknown> = { ...current, ...change };
  if (after.phone_number !== current.phone_number && !('phone_number_verified' in change)) {
    delete after.phone_number_verified;
  }
  const entries = Object.entries(after);
  return Object.fromEntries(entries.filter(([, value]) => value !== null && value !== undefined));
}

function isWebUrl(value: string): boolean {
  const parsed = URL.parse(value);
  return parsed !== null && (parsed.protocol === 'https:' || parsed.protocol === 'http:');
}

/** OpenID Connect Core 1.0 section 5.1: ISO 8601-1 YYYY-MM-DD; the year may be 0000 (left out), or stand alone. */
function isBirthdate(value: string): boolean {
  if (/^\d{4}$/.test(value)) return value !== '0000';
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value);
  if (!parts) return false;
  const [, year, month, day] = parts.map(Number);
  // A leap year stands in for the year that was left out, so that 29 February is a birthday.
  const date = new Date(Date.UTC(year || 2000, (month ?? 0) - 1, day));
  return date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
}

function isTimeZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }) !== undefined;
  } catch {
    return false;
  }
}

function isLocale(value: string): boolean {
  try {
    // The specification allows an underscore where BCP 47 has a dash.
    return Intl.getCanonicalLocales(value.replaceAll('_', '-')).length === 1;
  } catch {
    return false;
  }
}
