import { isIP } from 'node:net';
import { define } from './definition.ts';
import type { Kind } from './kinds.ts';

export interface PasskeySettings {
  /** WebAuthn Level 3 section 4, "RP ID": a passkey answers to the one that it was made for, for ever. */
  readonly rpId: string;
}

const hostName: Kind<string> = {
  form: 'a host name in lower case, such as `example.com`',
  read: (text) =>
    text.length <= 253 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(text)
      ? { kind: 'value', value: text }
      : { kind: 'fault', fault: 'must be a host name in lower case, such as example.com' },
};

export const passkeyDefinitions = {
  passkeyRpId: define(
    'CARDEA_PASSKEY_RP_ID',
    hostName,
    "the issuer's host",
    "what passkeys are bound to: the issuer's host or a domain that it lies in; a change makes all earlier passkeys useless",
  ),
} as const;

/** @returns undefined when the issuer's host is an address: browsers make passkeys for names only */
export function readPasskeys(
  read: (one: (typeof passkeyDefinitions)['passkeyRpId']) => string | undefined,
  faults: string[],
  issuer: string,
): PasskeySettings | undefined {
  const chosen = read(passkeyDefinitions.passkeyRpId);
  const host = URL.parse(issuer)?.hostname ?? '';
  if (host === '' || host.startsWith('[') || isIP(host) !== 0) {
    if (chosen !== undefined && host !== '') {
      faults.push('CARDEA_PASSKEY_RP_ID: needs an issuer whose host is a name, not an address');
    }
    return undefined;
  }
  if (chosen !== undefined && !isHostOrDomainOf(chosen, host)) {
    faults.push('CARDEA_PASSKEY_RP_ID: must be the host of CARDEA_ISSUER or a domain that it lies in');
  }
  return { rpId: chosen ?? host };
}

/** HTML section 7.1.1.2, "is a registrable domain suffix of": short of the public suffixes, which the browser knows. */
function isHostOrDomainOf(rpId: string, host: string): boolean {
  return rpId === host || (rpId.includes('.') && host.endsWith(`.${rpId}`));
}
