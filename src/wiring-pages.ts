/** Gives the hosted pages what they need of the other rooms, as functions. */
import type { By } from './accounts/account.ts';
import { CARDEA_AUDIENCE } from './clients/resource-server.ts';
import type { FrontDoor, PageClient, Visit as PageVisit } from './pages/front-door.ts';
import type { Protocol, Visit } from './protocol/protocol.ts';
import type { Rooms } from './rooms.ts';
import { networkOf } from './throttle/networks.ts';
import { requestIdOf } from './web/request-id.ts';
import { createProofFront } from './wiring-abuse.ts';
import type { SecondFactors, Strict } from './wiring-journey.ts';
import { createNoteBrowser } from './wiring-known-browsers.ts';
import { createMailedFront } from './wiring-mailed.ts';
import { ownSignInUrl } from './wiring-protocol.ts';
import { createSignInNotes, saidBy } from './wiring-sign-in-notes.ts';
import { createSignUpFront } from './wiring-sign-up-pages.ts';

export function createFrontDoor(o: {
  rooms: Rooms;
  protocol: Protocol;
  findClient: (clientId: string) => Promise<(PageClient & Strict) | undefined>;
  toldApps: FrontDoor['signedOutApps'];
  secondFactors: SecondFactors;
}): FrontDoor {
  const { rooms, protocol, findClient } = o;
  const { settings, standings, resources, consents, setupLink } = rooms;
  const issuer = settings.issuer;
  const notes = createSignInNotes(rooms);

  return {
    protocol: {
      async visit(ctx) {
        const uid = /^\/interaction\/([^/]+)/.exec(ctx.path)?.[1];
        const visit = uid && (await protocol.visit(ctx, uid));
        return visit ? pageVisit(visit) : undefined;
      },
      keepProof: protocol.keepProof,
      async finishSignIn(ctx, _visit, signIn) {
        await notes.finished(ctx, signIn);
        return protocol.finishSignIn(ctx, signIn);
      },
      async finishConsent(ctx, visit, decision) {
        if (visit.accountId) {
          const by: By = {
            actor: { kind: 'account', id: visit.accountId },
            network: networkOf(ctx.ip),
            requestId: requestIdOf(ctx),
          };
          if (visit.client.registered === 'metadata-document') {
            const { actor, ...from } = by;
            const adopted = await rooms.clientDocuments?.adopt(visit.client.clientId, actor, from);
            if (adopted !== 'adopted') {
              const why = 'This server takes no further apps of this kind at the moment.';
              return protocol.refuse(ctx, 'temporarily_unavailable', why);
            }
          }
          await consents.record(visit.accountId, visit.client.clientId, decision, by);
        }
        rooms.metrics.count('cardea_consents_total', { outcome: 'allowed' });
        await protocol.finishConsent(ctx, {});
      },
      async refuse(ctx, visit, error, description) {
        if (visit.prompt === 'consent') rooms.metrics.count('cardea_consents_total', { outcome: 'refused' });
        await protocol.refuse(ctx, error, description);
      },
      session: protocol.session,
      signOut: async (ctx) => (await protocol.signOut(ctx))?.id,
    },
    authenticate: rooms.authenticate,
    passkeys: rooms.passkeys,
    secondFactors: o.secondFactors.factors,
    policyOf: o.secondFactors.policyOf,
    isAppsPolicy: o.secondFactors.isAppsPolicy,
    authenticators: rooms.factors,
    deviceCookies: rooms.deviceCookies,
    upstream: rooms.upstream,
    async findPerson(accountId) {
      const standing = await standings.get(accountId);
      if (!standing) return undefined;
      const { account } = standing;
      return {
        accountId,
        email: account.email,
        name: account.profile.name,
        locale: account.profile.locale,
        administrator: standing.access(CARDEA_AUDIENCE).roles.includes('administrator'),
      };
    },
    findClient,
    findResource: resources.byAudience,
    signedOutApps: o.toldApps,
    networkOf,
    browserOf: saidBy,
    setup: setupLink,
    signInUrl: ownSignInUrl(issuer, '/'),
    passwordMinLength: settings.passwordMinLength,
    mailed: createMailedFront(rooms, protocol),
    signUp: createSignUpFront(rooms, findClient),
    noteFirstFactor: notes.firstFactor,
    proof: createProofFront(rooms),
    noteBrowser: createNoteBrowser(rooms),
    ...(rooms.mail.kind === 'box' ? { mailbox: rooms.mail.box } : {}),
  };
}

/** Where the answer goes, as `form-action` names it: an origin, or the scheme of a native app. */
function pageVisit(visit: Visit): PageVisit {
  const { redirectUri, ...rest } = visit;
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  const redirectOrigin = !url || url.origin === 'null' ? (url?.protocol ?? '') : url.origin;
  return { ...rest, redirectOrigin };
}
