/** From which origins pages in a browser may call for a client (Fetch Standard section 3.2). */
import { type Client, isConfidential } from './client.ts';

/**
 * Those that were registered for it, and those of its redirect URIs, since its own pages live there. A client that
 * authenticates calls from its server: for it they count at userinfo alone, which takes a token and no credentials.
 */
export function originsOf(client: Pick<Client, 'redirectUris' | 'corsOrigins'>): readonly string[] {
  const own = client.redirectUris.filter((uri) => URL.canParse(uri)).map((uri) => new URL(uri).origin);
  return [...new Set([...own, ...(client.corsOrigins ?? [])])].filter((origin) => origin !== 'null');
}

/** @param address the engine's name of the address: 'token', 'userinfo' … */
export function allowsOrigin(client: Client | undefined, address: string, origin: string): boolean {
  if (!client || address === 'introspection') return false;
  if (address !== 'userinfo' && isConfidential(client)) return false;
  return originsOf(client).includes(origin);
}
