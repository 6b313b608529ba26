/**
 * A sign-in as a sequence of steps. What was proved so far is kept by the protocol room in the interaction, server-held
 * and of this browser alone; from it, and from nothing else, follows which step comes next. Nobody is signed in before
 * the last one.
 */
import type Koa from 'koa';
import { joinMethods } from '../protocol/levels.ts';
import { seeOther } from '../web/page-sender.ts';
import type { Interlude } from './factor.ts';
import type { FactorKind, FrontDoor, Proved, SignIn, Visit } from './front-door.ts';
import { dependsOnFactors, type Need, nextNeed } from './next-need.ts';
import { visitPath } from './visit-address.ts';

/** Where a visit stands: the step that comes next, and for whom. */
export type Stand =
  | { readonly step: 'sign-in' | 'consent' }
  | {
      readonly step: 'second-factor';
      readonly proved: Proved;
      readonly kinds: readonly FactorKind[];
      /** Not the account's own factor: a code, since this sign-in is unusual. */
      readonly why?: 'suspicion' | undefined;
    }
  | { readonly step: 'enrol'; readonly proved: Proved; readonly kinds: readonly FactorKind[] }
  | { readonly step: Interlude['kind']; readonly proved: Proved };

export interface Journey {
  stand(visit: Visit): Promise<Stand>;
  /** Adds a proof, and goes on: to the next step, or, when all is proved, to the end of the sign-in. */
  finishSignIn(ctx: Koa.Context, visit: Visit, signIn: SignIn): Promise<void>;
  /** Adds a proof and keeps it, with that page as the next step. Sends nothing: the caller shows its own answer. */
  pause(ctx: Koa.Context, visit: Visit, signIn: SignIn, at: Interlude['kind']): Promise<void>;
  /** Goes on after a page that stood between the last proof and the end. */
  goOn(ctx: Koa.Context, visit: Visit, proved: Proved): Promise<void>;
  /** Puts everything aside that was proved: the sign-in begins anew. */
  startOver(ctx: Koa.Context, visit: Visit): Promise<void>;
}

export function createJourney(o: {
  front: Pick<FrontDoor, 'protocol' | 'secondFactors' | 'policyOf' | 'noteFirstFactor'>;
  interludes: readonly Interlude[];
  base: string;
}): Journey {
  const { front, interludes, base } = o;
  const { protocol, secondFactors } = front;

  const needOf = async (visit: Visit, { accountId, amr, suspected }: Proved): Promise<Need> => {
    const { wanted = NOTHING_WANTED } = visit;
    const policy = await front.policyOf(accountId, visit.client.clientId);
    const known = { amr, policy, wanted, suspected };
    const has = dependsOnFactors(known) ? await kindsOf(secondFactors, accountId) : [];
    return nextNeed({ ...known, has });
  };

  /** What the next step builds on: an earlier session only where nothing but a factor of the account is missing. */
  const groundOf = async (visit: Visit): Promise<{ proved: Proved; need: Need } | undefined> => {
    const { proved } = visit;
    if (!proved) return undefined;
    const need = await needOf(visit, proved);
    // A factor that is set up is the person's own only when the first one was proved now (ASVS 5 6.4.3).
    return proved.fromSession && need.kind !== 'factor' ? undefined : { proved, need };
  };

  // A way of signing in that comes by another road, such as a provider's callback, begins anew: two first factors in a
  // row are no way around the second one that the account has.
  const add = ({ ground }: Visit, { accountId, amr, remember, at, suspected }: SignIn): Proved => {
    const earlier = ground?.accountId === accountId ? ground : undefined;
    return {
      accountId,
      amr: joinMethods(earlier?.amr ?? [], amr),
      remember: earlier?.remember ?? remember,
      // As old as the oldest proof: a level is no fresher than what it rests on.
      at: Math.min(earlier?.at ?? at, at),
      ...((earlier?.suspected ?? suspected) && { suspected: true }),
      ...(earlier?.session !== undefined && { session: earlier.session }),
    };
  };

  const toDispatcher = (ctx: Koa.Context, visit: Visit, query = '') =>
    seeOther(ctx, base + visitPath(visit.uid) + query);

  const keep = async (ctx: Koa.Context, visit: Visit, proved: Proved): Promise<void> => {
    await protocol.keepProof(ctx, proved);
    toDispatcher(ctx, visit);
  };

  /** @param passed the interludes up to this one are over */
  const advance = async (
    ctx: Koa.Context,
    visit: Visit,
    { proved, need }: { proved: Proved; need: Need },
    passed?: string,
  ): Promise<void> => {
    const { accountId, amr, remember, at, suspected, session } = proved;
    const bare = { accountId, amr, remember, at, session, ...(suspected && { suspected }) };
    if (need.kind === 'factor' && need.why === 'suspicion') {
      // Nobody expects to be asked, so the code is on its way before they are.
      await protocol.keepProof(ctx, bare);
      await secondFactors.find(({ kind }) => kind === 'email')?.send?.(ctx, visit, accountId);
      return toDispatcher(ctx, visit, '?factor=email&sent=yes');
    }
    if (need.kind !== 'nothing') return keep(ctx, visit, bare);
    const from = interludes.findIndex((one) => one.kind === passed) + 1;
    for (const interlude of interludes.slice(from)) {
      if (await interlude.wants(ctx, visit, proved)) {
        return keep(ctx, visit, { ...proved, pause: interlude.kind });
      }
    }
    return protocol.finishSignIn(ctx, visit, { accountId, amr, remember, at, session });
  };

  return {
    async stand(visit) {
      if (visit.prompt === 'consent') return { step: 'consent' };
      const ground = await groundOf(visit);
      if (!ground) return { step: 'sign-in' };
      const { proved, need } = ground;
      const pause = interludes.find((one) => one.kind === proved.pause);
      if (pause) return { step: pause.kind, proved };
      // What was asked for has been settled meanwhile: only a new sign-in goes on from here.
      if (need.kind === 'nothing') return { step: 'sign-in' };
      const { kinds } = need;
      if (need.kind === 'enrol') return { step: 'enrol', proved, kinds };
      return { step: 'second-factor', proved, kinds, why: need.why };
    },
    async finishSignIn(ctx, visit, signIn) {
      const proved = add(visit, signIn);
      const need = await needOf(visit, proved);
      const isFirst = visit.ground?.accountId !== signIn.accountId;
      if (isFirst && need.kind !== 'nothing') await front.noteFirstFactor?.(ctx, proved);
      return advance(ctx, visit, { proved, need });
    },
    pause: (ctx, visit, signIn, at) => protocol.keepProof(ctx, { ...add(visit, signIn), pause: at }),
    async goOn(ctx, visit, proved) {
      return advance(ctx, visit, { proved, need: await needOf(visit, proved) }, proved.pause);
    },
    async startOver(ctx, visit) {
      await protocol.keepProof(ctx, undefined);
      toDispatcher(ctx, visit);
    },
  };
}

const NOTHING_WANTED = { must: 0, wish: 0 } as const;

/** Those of the list that this account can be asked for, in its order. */
export async function kindsOf(
  factors: FrontDoor['secondFactors'],
  accountId: string,
): Promise<readonly FactorKind[]> {
  const has = await Promise.all(factors.map((factor) => factor.has(accountId)));
  return factors.filter((_, index) => has[index]).map(({ kind }) => kind);
}
