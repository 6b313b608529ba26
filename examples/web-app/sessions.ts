/** Who is signed in, in the memory of this process: a real app keeps this where its other processes find it too. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Session {
  /** A sign-in that was begun in this browser. */
  pending?: { verifier: string; state: string; nonce: string };
  claims?: Record<string, unknown>;
  person?: Record<string, unknown>;
  idToken?: string;
  accessToken?: string;
  refreshToken?: string | undefined;
  scope?: string | undefined;
  /** Of the access token, ms. */
  expiresAt?: number;
  refreshes?: number;
}

const MAX_SESSIONS = 10_000;

export function createSessions({ secure }: { secure: boolean }) {
  const sessions = new Map<string, Session>();
  // A cookie named so is for this host alone and for https alone; browsers check it (RFC 6265bis section 4.1.3.2).
  const name = secure ? '__Host-orders' : 'orders';
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;

  function idOf(request: IncomingMessage): string | undefined {
    const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
    return pairs.find(([key]) => key === name)?.[1];
  }

  return {
    find: (request: IncomingMessage): Session | undefined => sessions.get(idOf(request) ?? ''),
    start(response: ServerResponse, session: Session): void {
      const id = randomBytes(32).toString('base64url');
      const [oldest] = sessions.keys();
      if (oldest !== undefined && sessions.size >= MAX_SESSIONS) sessions.delete(oldest);
      sessions.set(id, session);
      response.setHeader('set-cookie', `${name}=${id}${attributes}`);
    },
    end(request: IncomingMessage, response: ServerResponse): void {
      sessions.delete(idOf(request) ?? '');
      response.setHeader('set-cookie', `${name}=${attributes}; Max-Age=0`);
    },
  };
}
