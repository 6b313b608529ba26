/** Mends of what a client's security profile, or a flag that a profile sets, has refused (clients/profile-rules.ts). */
import { isStrict } from '../clients/profile-rules.ts';
import { command, type Mend, type MendContext, request } from './mend.ts';
import { cardea } from './shell-words.ts';

/** What an app must do, and, where no profile asks for it, the option that lifts it. */
function flagged(does: string, option: string) {
  return ({ client }: MendContext): Mend =>
    client && !isStrict(client.profile)
      ? command(
          `${does} If it cannot, lift what the client is registered for, which is weaker.`,
          cardea('client', 'update', client.clientId, option),
        )
      : request(`Nothing to change at Cardea: the client's profile asks for it. ${does}`);
}

export const mendUnpushed = flagged(
  'Let the app push its request to the PAR endpoint and send the request_uri that it gets.',
  '--no-require-par',
);

export const mendUnproved = flagged(
  'Let the app send a DPoP proof with each token request; every maintained OpenID Connect library can.',
  '--no-dpop-bound',
);

export function mendProfile({ client, expected }: MendContext): Mend {
  return client
    ? command(
        `The client's profile ${client.profile ?? 'baseline'} asks for ${expected}. See what it asks, point by point:`,
        cardea('client', 'check', client.clientId),
      )
    : request(`Nothing to change at Cardea: the app must send ${expected}.`);
}
