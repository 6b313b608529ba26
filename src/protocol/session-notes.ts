/** What is told of a browser session when the engine stores it (sessions/browser-sessions.ts). */
import Provider from 'oidc-provider';
import { stateOf } from './request-state.ts';

export interface SessionNotes {
  /** Somebody has just proved who they are in it. Awaited: the session is stored afterwards. */
  signedIn(
    browser: {
      readonly uid: string;
      readonly accountId: string;
      /** ms */
      readonly at: number;
      readonly amr: readonly string[];
      readonly remembered: boolean;
      readonly network: string;
      readonly userAgent: string;
    },
    requestId: string,
  ): Promise<void>;
  seen(o: { uid: string; network: string; secondsLeft: number }): void;
}

export interface SessionNoteParts {
  readonly notes: SessionNotes;
  readonly networkOf: (ip: string) => string;
  readonly requestIdOf: (ctx: NonNullable<typeof Provider.ctx>) => string;
}

interface StoredSession {
  readonly uid?: string | undefined;
  readonly accountId?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  readonly transient?: boolean | undefined;
}

/** @param at ms: when the person of this session signed in. */
export async function noteSession(
  { notes, networkOf, requestIdOf }: SessionNoteParts,
  { uid, accountId, amr = [], transient }: StoredSession,
  at: number,
  secondsLeft: number,
): Promise<void> {
  const ctx = Provider.ctx;
  if (!ctx || !uid || !accountId) return;
  const state = stateOf(ctx);
  const network = networkOf(ctx.ip);
  const login = (ctx.oidc.result as { login?: { accountId?: string } } | undefined)?.login;
  if (login?.accountId !== accountId || state.sessionNoted) return notes.seen({ uid, network, secondsLeft });
  state.sessionNoted = true;
  const browser = { uid, accountId, at, amr, remembered: transient !== true, network };
  await notes.signedIn({ ...browser, userAgent: ctx.get('User-Agent') }, requestIdOf(ctx));
}
