/** Codes and refresh tokens for tests of the token endpoint: one signed-in browser that asks again and again. */
import { createHash, randomBytes } from 'node:crypto';
import { type Agent, createAgent } from './agent.ts';
import { authorize, type Person, redirectUri, type SeededClient } from './seed.ts';

export interface Code {
  readonly code: string;
  readonly verifier: string;
}

export interface Browser {
  readonly agent: Agent;
  code(scope: string, more?: Record<string, string>): Promise<Code>;
}

/** @param issuer where the browser goes; it signs in once and keeps its session */
export function createBrowser(
  issuer: string,
  client: SeededClient,
  person: Person,
  callback = redirectUri,
  agent: Agent = createAgent(issuer),
): Browser {
  return {
    agent,
    async code(scope, more = {}) {
      const verifier = randomBytes(32).toString('base64url');
      const query = new URLSearchParams({
        client_id: client.clientId,
        response_type: 'code',
        redirect_uri: callback,
        scope,
        state: randomBytes(8).toString('base64url'),
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...more,
      });
      const answer = await authorize(agent, `${issuer}/oauth2/authorize?${query}`, person);
      const code = answer.searchParams.get('code');
      if (!code) throw new Error(`no code: ${answer.href}`);
      return { code, verifier };
    },
  };
}

export function redeemForm({ code, verifier }: Code, callback = redirectUri): Record<string, string> {
  return { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: callback };
}
