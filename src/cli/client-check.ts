/** `client check`: what a security profile asks of a client, point by point, and the command that mends what is missing. */
import type { Client, Profile } from '../clients/client.ts';
import { isSignatureAllowed } from '../clients/profile-algorithms.ts';
import { type ProfilePoint, pointsOf, profileMeanings, profiles } from '../clients/profile-rules.ts';
import { mayAskFor } from '../clients/resource-access.ts';
import type { ResourceServer } from '../clients/resource-server.ts';
import { failed, type Input, type Outcome } from './command.ts';
import type { RoomsForCommands } from './rooms-for-commands.ts';
import { clean, textTable } from './text-table.ts';

interface Finding {
  readonly id: string;
  readonly asks: string;
  readonly source: string;
  readonly isMet: boolean;
  /** Absent when it is met. */
  readonly mend?: string;
}

export async function checkClient(rooms: RoomsForCommands, input: Input): Promise<Outcome> {
  const [id = ''] = input.positionals;
  const client = await rooms.clients.find(id);
  if (!client) {
    return failed('not_found', `there is no client ${clean(id)}`, 'npx cardea client list shows them all');
  }
  const wanted = input.text('profile');
  const profile = wanted === undefined ? (client.profile ?? 'baseline') : asProfile(wanted);
  if (!profile) return failed('invalid', `--profile must be one of ${profiles.join(', ')}`);
  const findings = [
    ...pointsOf(profile, client).map(({ point, isMet }) => finding(client, profile, point, isMet)),
    ...apiFindings(client, profile, await rooms.resources.all()),
  ];
  const unmet = findings.filter(({ isMet }) => !isMet);
  const own = client.profile ?? 'baseline';
  const verdict =
    unmet.length > 0
      ? `${unmet.length} of ${findings.length} points are not met.`
      : findings.length === 1
        ? 'The one point is met.'
        : `All ${findings.length} points are met.`;
  const asOwn = own === profile ? 'its profile' : `not its profile, which is ${own}`;
  return {
    kind: 'done',
    json: {
      client_id: client.clientId,
      profile: own,
      checked_profile: profile,
      meets: unmet.length === 0,
      points: findings.map(({ isMet, mend, ...rest }) => ({
        ...rest,
        met: isMet,
        ...(mend !== undefined && { mend }),
      })),
    },
    text: `${client.clientId} and ${profile} (${profileMeanings[profile]}; ${asOwn})\n\n${textTable(
      ['MET', 'WHAT IS ASKED', 'WHERE'],
      findings.map(({ isMet, asks, source }) => [isMet ? 'yes' : 'NO', asks, source]),
    )}\n${verdict}\n`,
    ...(unmet.length > 0 && { next: nextSteps(unmet, client, profile) }),
  };
}

function asProfile(text: string): Profile | undefined {
  return profiles.find((profile) => profile === text);
}

function finding(client: Client, profile: Profile, point: ProfilePoint, isMet: boolean): Finding {
  const { id, asks, by, mend } = point;
  const command = `npx cardea client update ${client.clientId} ${mend}`;
  return { id, asks, source: by[profile] ?? '', isMet, ...(!isMet && { mend: command }) };
}

/** The APIs that it may ask for sign their tokens too; a request for one that does it otherwise is refused. */
function apiFindings(client: Client, profile: Profile, servers: readonly ResourceServer[]): Finding[] {
  if (profile !== 'fapi2') return [];
  return servers
    .filter((server) => server.tokenFormat === 'jwt' && mayAskFor(client, server))
    .map(({ audience, signingAlg }) => {
      const isMet = isSignatureAllowed(profile, signingAlg);
      return {
        id: `tokens of ${audience}`,
        asks: `tokens of ${audience} are signed with ES256, PS256 or EdDSA`,
        source: 'FAPI 2.0 section 5.4.1 item 1',
        isMet,
        ...(!isMet && { mend: `npx cardea resource update ${audience} --signing-alg ES256` }),
      };
    });
}

/** One command for what `client update` mends, since each change must leave a client that its profile accepts. */
function nextSteps(unmet: readonly Finding[], client: Client, profile: Profile): string {
  const update = `npx cardea client update ${client.clientId}`;
  const options = unmet.flatMap(({ mend = '' }) =>
    mend.startsWith(update) ? [mend.slice(update.length + 1)] : [],
  );
  const others = unmet.flatMap(({ mend = '' }) => (mend.startsWith(update) ? [] : [mend]));
  const change = (client.profile ?? 'baseline') === profile ? [] : [`--profile ${profile}`];
  const lines =
    options.length + change.length > 0 ? [[update, ...new Set(options), ...change].join(' ')] : [];
  return `To mend it:\n${[...lines, ...others].map((line) => `  ${line}`).join('\n')}`;
}
