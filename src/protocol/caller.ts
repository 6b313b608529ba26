/**
 * Whether anybody is still there to take the answer. A caller that has hung up (a page that was left, a proxy that was
 * told so) uses nothing up and is no thief: its request may come to its end long after the same caller asked again,
 * when the token that it brought is stale. Nothing is given away by this, since no byte can reach it any more.
 */
import { setImmediate } from 'node:timers/promises';
import type { KoaContextWithOIDC } from 'oidc-provider';

type Wire = Pick<KoaContextWithOIDC, 'req' | 'res'>;

/** As far as this process has heard. */
export function isGone({ req, res }: Wire): boolean {
  return res.destroyed || req.socket.destroyed || !req.socket.writable;
}

/** Asked after what the network has already told this process is heard: under load that is many requests behind. */
export async function hasHungUp(wire: Wire): Promise<boolean> {
  await setImmediate();
  return isGone(wire);
}
