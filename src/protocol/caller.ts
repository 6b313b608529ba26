/**
 * Whether anybody is still there to take the answer. A caller that has hung up (a page that was left, a proxy that was
 * told so) uses nothing up and is no thief: its request may come to its end long after the same caller asked again,
 * when the token that it brought is stale. Nothing is given away by this, since no byte can reach it any more.
 */
import { setImmediate } from 'node:timers/promises';
import type { KoaContextWithOIDC } from 'oidc-provider';

/** Asked after what the network has already told this process is heard: under load that is many requests behind. */
export async function hasHungUp({ req, res }: Pick<KoaContextWithOIDC, 'req' | 'res'>): Promise<boolean> {
  await setImmediate();
  return res.destroyed || req.socket.destroyed || !req.socket.writable;
}
