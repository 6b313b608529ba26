/**
 * Rich authorization requests (RFC 9396): the engine's feature over the types that resource servers registered. A detail
 * is checked against its schema, shown to the person, consented to as it is, kept with the code, and given to the API
 * that knows it. Nothing on the way can add to it.
 */
import type {
  AuthorizationDetailsForIntrospection,
  KoaContextWithOIDC,
  RichAuthorizationRequestsActiveConfiguration,
} from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Consent } from '../accounts/consents.ts';
import type { Client } from '../clients/client.ts';
import { mayAskFor } from '../clients/resource-access.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import { asked, type Detail, detailsOf, faultAt, isWithin, parameterFault, serversFor } from './details.ts';
import { stateOf } from './request-state.ts';

export interface RichRequestParts {
  readonly clientOf: (ctx: KoaContextWithOIDC) => Promise<Client>;
  readonly all: () => Promise<readonly ResourceServer[]>;
  /** Every type that a resource server has when this instance is built. */
  readonly types: readonly string[];
}

/** The active form of the engine's feature, with introspection. */
export type RichRequests = RichAuthorizationRequestsActiveConfiguration & {
  authorizationDetailsForIntrospection: AuthorizationDetailsForIntrospection;
};

/** @throws InvalidAuthorizationDetails naming the type, and the member that is wrong */
function refuse(detail: Detail, what: string): never {
  throw new errors.InvalidAuthorizationDetails(
    printable(`authorization detail of the type ${detail.type}: ${what}`),
  );
}

/** RFC 6749 section 5.2: an error_description has no quotes, backslashes or anything beyond ASCII. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?').slice(0, 250);
}

export function richRequests({ clientOf, all, types }: RichRequestParts): RichRequests {
  const allowed = async (ctx: KoaContextWithOIDC) => {
    const client = await clientOf(ctx);
    return (await all()).filter((server) => mayAskFor(client, server));
  };

  const validate = async (ctx: KoaContextWithOIDC, detail: Detail): Promise<void> => {
    const parameter = String(ctx.oidc.params?.authorization_details);
    const whole = parameterFault(parameter, detailsOf(parameter).length);
    if (whole) throw new errors.InvalidAuthorizationDetails(`the authorization_details have ${whole}`);
    const servers = serversFor(detail, await allowed(ctx));
    if (servers.length === 0) refuse(detail, 'no API that this client may use, and that it names, has it');
    const fault = faultAt(detail, servers);
    if (fault !== undefined) refuse(detail, fault);
  };

  return {
    enabled: true,
    types: Object.fromEntries(types.map((type) => [type, { validate: validate as never }])),

    /** Where a code is made. The prompt has seen to the consent; here it is proved again, against what is registered now. */
    async authorizationDetailsForGrantSource(ctx) {
      const servers = await requestServers(ctx, all);
      const details = detailsOf(ctx.oidc.params?.authorization_details);
      for (const detail of details) {
        const { digest, audiences } = asked(detail, servers);
        if (audiences.length === 0) refuse(detail, 'no API of this request has it');
        const fault = faultAt(detail, serversFor(detail, servers));
        if (fault !== undefined) refuse(detail, fault);
        if (!stateOf(ctx).consentedDetails?.has(digest)) refuse(detail, 'the person has not allowed it');
      }
      return details.length > 0 ? (details as never) : undefined;
    },

    /** RFC 9396 section 6: an access token has those that its API knows, and may have fewer than were granted. */
    async authorizationDetailsForAccessToken(ctx, token, source) {
      const granted = ((source as { rar?: readonly Detail[] } | undefined)?.rar ?? []) as readonly Detail[];
      const parameter = ctx.oidc.params?.authorization_details;
      const wanted = parameter === undefined ? granted : detailsOf(parameter);
      for (const detail of wanted) {
        if (!source) refuse(detail, 'only a person can allow it, and no person takes part in this grant');
        if (!granted.some((one) => isWithin(detail, one))) refuse(detail, 'it goes beyond what was granted');
      }
      const { aud } = token as { aud?: unknown };
      const audience = (token as { resourceServer?: { audience?: string } }).resourceServer?.audience ?? aud;
      const server = (await all()).find((one) => one.audience === audience);
      const own = server ? wanted.filter((detail) => serversFor(detail, [server]).length > 0) : [];
      return own.length > 0 ? (own as never) : undefined;
    },

    async authorizationDetailsForIntrospection(_ctx, token) {
      return (token as { rar?: unknown }).rar as never;
    },
  };
}

/** The APIs of an authorization request. */
async function requestServers(
  ctx: KoaContextWithOIDC,
  all: () => Promise<readonly ResourceServer[]>,
): Promise<readonly ResourceServer[]> {
  const audiences = new Set(Object.keys(ctx.oidc.resourceServers ?? {}));
  return (await all()).filter(({ audience }) => audiences.has(audience));
}

/** RFC 9396 section 3: a detail that no API of the request knows would be dropped in silence. */
export async function checkDetails(
  ctx: KoaContextWithOIDC,
  all: () => Promise<readonly ResourceServer[]>,
): Promise<void> {
  const details = detailsOf(ctx.oidc.params?.authorization_details);
  if (details.length === 0) return;
  const servers = await requestServers(ctx, all);
  for (const detail of details) {
    if (serversFor(detail, servers).length === 0) refuse(detail, 'no API of this request has it');
  }
}

/** Notes which details of the request were allowed before, to the character, and which have to be asked. */
export async function noteDetails(
  ctx: KoaContextWithOIDC,
  consent: Consent | undefined,
  all: () => Promise<readonly ResourceServer[]>,
): Promise<void> {
  const details = detailsOf(ctx.oidc.params?.authorization_details);
  if (details.length === 0) return;
  // A type may have gone since the request came: then it is refused, and not asked of anybody.
  await checkDetails(ctx, all);
  const servers = await requestServers(ctx, all);
  const digests = details.map((detail) => asked(detail, servers).digest);
  const consented = new Set(consent?.details.map(({ digest }) => digest));
  stateOf(ctx).consentedDetails = consented;
  stateOf(ctx).missingDetails = digests.filter((one) => !consented.has(one));
}
