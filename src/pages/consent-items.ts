/** Rights in plain words. */

import { claimsByScope } from '../clients/resource-server.ts';
import { displayName } from '../web/names.ts';
import type { Texts } from '../web/texts.ts';
import { describeDetails } from './consent-details.ts';
import type { ConsentItem } from './consent-item.ts';
import type { FrontDoor, Rights, Visit } from './front-door.ts';

/** Scopes that reach further than a name and an address to write to. */
const SENSITIVE: ReadonlySet<string> = new Set(['address', 'phone', 'offline_access']);
/** The engine's own and not rights by themselves. */
const NOT_SHOWN: ReadonlySet<string> = new Set([
  'sub',
  'acr',
  'amr',
  'auth_time',
  'sid',
  'iss',
  'aud',
  'exp',
  'iat',
]);

/** What this page asks: what is missing, or, asked again with prompt=consent, all that was requested. */
export function askedOf(visit: Pick<Visit, 'missing' | 'requested'>): Rights {
  return isEmpty(visit.missing) ? visit.requested : visit.missing;
}

export async function describeRights(
  rights: Rights,
  { texts, findResource }: { texts: Texts; findResource: FrontDoor['findResource'] },
): Promise<readonly ConsentItem[]> {
  const known = (kind: 'scope' | 'claim', name: string): ConsentItem => ({
    title: texts.has(`${kind}.${name}`) ? texts.t(`${kind}.${name}`) : humanName(name),
    detail: texts.has(`${kind}.${name}.detail`) ? texts.t(`${kind}.${name}.detail`) : undefined,
    sensitive: SENSITIVE.has(name),
    owner: undefined,
  });
  // A claim that comes with a scope would say the same thing twice.
  const covered = new Set(rights.scopes.flatMap((scope) => claimsByScope[scope] ?? []));
  const claims = rights.claims.filter((claim) => !covered.has(claim) && !NOT_SHOWN.has(claim));
  const resources = await Promise.all(
    Object.entries(rights.resources).map(async ([audience, scopes]) => {
      const resource = await findResource(audience);
      const owner = displayName(resource?.name ?? audience);
      // Nothing in particular, yet a token for this API in the person's name.
      if (scopes.length === 0) {
        const title = texts.t('consent.reach', { owner });
        return [{ title, detail: undefined, sensitive: false, owner: undefined }];
      }
      return scopes.map((name): ConsentItem => {
        const description = resource?.scopes.find((scope) => scope.name === name)?.description;
        return {
          title: displayName(description ?? name),
          detail: undefined,
          sensitive: false,
          owner,
        };
      });
    }),
  );
  const details = await describeDetails(rights.details ?? [], { texts, findResource });
  // "Know who you are" is told once, first; what is sensitive comes last, where the eye rests before the buttons.
  const own = [
    ...rights.scopes.map((name) => known('scope', name)),
    ...claims.map((name) => known('claim', name)),
  ];
  return [
    ...own.filter((item) => !item.sensitive),
    ...resources.flat(),
    ...own.filter((item) => item.sensitive),
    ...details,
  ];
}

function isEmpty(rights: Rights): boolean {
  const inResources = Object.values(rights.resources).some((scopes) => scopes.length > 0);
  const inDetails = (rights.details ?? []).length > 0;
  return rights.scopes.length === 0 && rights.claims.length === 0 && !inResources && !inDetails;
}

/** 'preferred_username' → 'Preferred username'. */
function humanName(name: string): string {
  const words = displayName(name.replaceAll('_', ' '));
  return words.charAt(0).toUpperCase() + words.slice(1);
}
