/**
 * What an interaction has proved is kept in it for as long as it lives. Whatever ends the access of its account meanwhile (a new
 * password, "this wasn't me", a sign-out everywhere) ends that proof too: nobody goes on with it to a page that adds a way in.
 */
import type { Standings } from '../accounts/standing.ts';
import type { Visit } from './visits.ts';

/** The visit without a proof that counts no longer: the sign-in begins anew. */
export async function withLivingProof(
  standings: Standings,
  visit: Visit | undefined,
): Promise<Visit | undefined> {
  if (!visit?.proved) return visit;
  const { accountId, at, session } = visit.proved;
  const standing = await standings.get(accountId);
  if (standing && !standing.isEnded(at, session)) return visit;
  const { proved: _, ...bare } = visit;
  return bare;
}
