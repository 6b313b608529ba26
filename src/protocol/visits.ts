/** What the hosted pages need of an interaction: what is asked, by whom, for whom, and how to go on. */
import type Koa from 'koa';
import type Provider from 'oidc-provider';
import { errors, type InteractionResults } from 'oidc-provider';
import type { Client } from '../clients/client.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import { type AskedDetail, asked, detailsOf } from './details.ts';
import type { ConsentResult } from './grant-of-authorization.ts';
import { STEP_UP, type WantedRanks, wantedRanks } from './level-checks.ts';
import { levelOf } from './levels.ts';

/** Scopes, claims and API scopes, as the consent page lists them. */
export interface Requested {
  readonly scopes: readonly string[];
  readonly claims: readonly string[];
  /** Audience → scopes of that API. */
  readonly resources: Readonly<Record<string, readonly string[]>>;
  readonly details: readonly AskedDetail[];
}

export interface Visit {
  readonly uid: string;
  readonly prompt: 'login' | 'consent';
  readonly reasons: readonly string[];
  readonly client: Client;
  readonly params: Readonly<Record<string, string | undefined>>;
  /** The account that this browser is signed in as. */
  readonly accountId?: string;
  /** What still needs the person's yes. */
  readonly missing: Requested;
  /** Everything that the request asks for. */
  readonly requested: Requested;
  /** Origin (or scheme) of where the person goes in the end; for `form-action`. */
  readonly redirectUri: string;
  readonly returnTo: string;
  /** It goes on at a device, not in this browser. */
  readonly onDevice: boolean;
  /** What this interaction has proved so far, or the session where only something is missing from it. */
  readonly proved?: Proved;
  readonly wanted: WantedRanks;
}

/** Kept in the interaction, so server-held and of this browser alone. It signs nobody in. */
export interface Proved {
  readonly accountId: string;
  readonly amr: readonly string[];
  readonly remember: boolean;
  /** ms: when the account was read for the oldest of these checks. */
  readonly at: number;
  /** By a password, in a rush of failures: the pages ask for more. */
  readonly suspected?: true;
  /** All is proved, and one more page stands before the end. */
  readonly pause?: string;
  /** Proved at an earlier sign-in, and nothing of it in this interaction. */
  readonly fromSession?: true;
  /** The uid of the session that it builds on, if any. */
  readonly session?: string | undefined;
}

export interface SignInResult {
  readonly accountId: string;
  readonly amr: readonly string[];
  readonly remember: boolean;
  /** ms: when the account was read for the check that has just passed. */
  readonly at: number;
}

/** The interaction of this browser and this address; undefined when it is over, expired or another browser's. */
export async function findVisit(
  engine: Provider,
  ctx: Koa.Context,
  uid: string,
  findClient: (clientId: string) => Promise<Client | undefined>,
  servers: () => Promise<readonly ResourceServer[]>,
): Promise<Visit | undefined> {
  const details = await engine.interactionDetails(ctx.req, ctx.res).catch((error: unknown) => {
    if (error instanceof errors.SessionNotFound) return undefined;
    throw error;
  });
  if (details?.uid !== uid) return undefined;
  const params = details.params as Record<string, string | string[] | undefined>;
  const client = await findClient(String(params.client_id));
  if (client?.status !== 'active') return undefined;
  const { name, reasons, details: prompt } = details.prompt;
  const missing = prompt as {
    missingOIDCScope?: string[];
    missingOIDCClaims?: string[];
    missingResourceScopes?: Record<string, string[]>;
    missingDetails?: string[];
  };
  const requested = requestedOf(params, await servers());
  return {
    uid,
    prompt: name === 'consent' ? 'consent' : 'login',
    reasons,
    client,
    params: Object.fromEntries(
      Object.entries(params).map(([key, value]) => [key, Array.isArray(value) ? value.join(' ') : value]),
    ),
    ...(details.session?.accountId ? { accountId: details.session.accountId } : {}),
    missing: {
      scopes: missing.missingOIDCScope ?? [],
      claims: missing.missingOIDCClaims ?? [],
      resources: missing.missingResourceScopes ?? {},
      details: requested.details.filter(({ digest }) => missing.missingDetails?.includes(digest)),
    },
    requested,
    redirectUri: String(params.redirect_uri ?? ''),
    returnTo: details.returnTo,
    onDevice: details.deviceCode !== undefined,
    ...provedIn(details),
    wanted: wantedRanks(params),
  };
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

/** The engine keeps results as they are and acts on those that it knows; this one it does not. */
interface KeptResult {
  /** `none`: what the session has proved was put aside. */
  readonly proved?: Proved | 'none';
}

function provedIn({ result, prompt, session }: Interaction): { readonly proved?: Proved } {
  const { proved: kept } = (result ?? {}) as KeptResult;
  if (kept) return kept === 'none' ? {} : { proved: kept };
  const { signedIn } = prompt.details as { signedIn?: Omit<Proved, 'remember'> };
  const missing: readonly string[] = Object.values(STEP_UP);
  const stepsUp = prompt.name === 'login' && prompt.reasons.every((reason) => missing.includes(reason));
  if (!stepsUp || signedIn === undefined || signedIn.accountId !== session?.accountId) return {};
  return { proved: { ...signedIn, remember: true, fromSession: true } };
}

/** Keeps what was proved for the next step of this interaction; undefined puts everything aside. One write. */
export async function keepProof(
  engine: Provider,
  ctx: Koa.Context,
  proved: Proved | undefined,
): Promise<void> {
  const interaction = await engine.interactionDetails(ctx.req, ctx.res);
  interaction.result = { ...interaction.lastSubmission, proved: proved ?? 'none' } as InteractionResults;
  await interaction.save(interaction.exp - Math.floor(Date.now() / 1000));
}

/** Only the stored request counts: a form that a browser sends back adds nothing to it. */
function requestedOf(
  params: Record<string, string | string[] | undefined>,
  servers: readonly ResourceServer[],
): Requested {
  const all = String(params.scope ?? '')
    .split(' ')
    .filter(Boolean);
  const resources: Record<string, readonly string[]> = {};
  for (const audience of [params.resource ?? []].flat()) {
    const offered = servers.find((server) => server.audience === audience)?.scopes ?? [];
    resources[audience] = all.filter((scope) => offered.some(({ name }) => name === scope));
  }
  const ofApis = new Set(Object.values(resources).flat());
  return {
    scopes: all.filter((scope) => !ofApis.has(scope)),
    claims: claimsAsked(params.claims),
    resources,
    details: detailsOf(params.authorization_details).map((detail) =>
      asked(
        detail,
        servers.filter(({ audience }) => Object.hasOwn(resources, audience)),
      ),
    ),
  };
}

function claimsAsked(parameter: string | string[] | undefined): string[] {
  if (typeof parameter !== 'string') return [];
  const { userinfo = {}, id_token: idToken = {} } = JSON.parse(parameter) as Record<
    string,
    object | undefined
  >;
  const about = new Set(['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss']);
  return [...new Set([...Object.keys(userinfo), ...Object.keys(idToken)])].filter(
    (claim) => !about.has(claim),
  );
}

/** Stores the result and sends the browser on to the engine's resume address. */
export async function finishVisit(
  engine: Provider,
  ctx: Koa.Context,
  result: InteractionResults,
): Promise<void> {
  const returnTo = await engine.interactionResult(ctx.req, ctx.res, result);
  ctx.status = 303;
  ctx.redirect(returnTo);
}

/** The results by which an interaction ends. */
export const visitResults = {
  signedIn: ({ accountId, amr, remember, at }: SignInResult): InteractionResults => ({
    // `at` is ours: the engine keeps seconds, and a fact that ends access is dated in milliseconds.
    login: {
      accountId,
      amr: [...amr],
      acr: levelOf(amr),
      remember,
      ts: Math.floor(at / 1000),
      at,
    } as InteractionResults['login'],
    // Whoever signs in has chosen the account: prompt=select_account is answered too, or it would ask without end.
    select_account: {},
    // So is prompt=create, whether they made an account or had one.
    create: {},
  }),
  consented: (rejected: ConsentResult): InteractionResults => ({
    consent: rejected as InteractionResults['consent'],
  }),
  refused: (error: string, description: string): InteractionResults => ({
    error,
    error_description: description,
  }),
};
