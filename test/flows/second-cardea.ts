/** Another Cardea, over HTTPS at 127.0.0.1: to one at `localhost` it is another site, whose people may sign in there. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, createAgent } from '../harness/agent.ts';
import type { makeAuthority } from '../harness/certificates.ts';
import { fetchWith } from '../harness/mutual-tls.ts';
import { freePort } from '../harness/ports.ts';
import { type SeededClient, seedClient } from '../harness/seed.ts';
import { openWorld, type World } from './world.ts';

export interface SecondCardea {
  readonly world: World;
  readonly issuer: string;
  readonly port: number;
  /** The first one as a client of this one. */
  register(callbacks: readonly string[]): Promise<SeededClient>;
  /** A browser of nobody. */
  agent(): Agent;
}

export async function openSecondCardea(authority: ReturnType<typeof makeAuthority>): Promise<SecondCardea> {
  const port = await freePort();
  const issuer = `https://127.0.0.1:${port}`;
  const { cert, key } = authority.server();
  const files = { cert: join(authority.dir, 'second.pem'), key: join(authority.dir, 'second.key') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  const world = await openWorld('embedded', {
    PORT: String(port),
    CARDEA_ISSUER: issuer,
    CARDEA_TLS_CERT_FILE: files.cert,
    CARDEA_TLS_KEY_FILE: files.key,
  });
  const send = fetchWith({ ca: authority.ca.cert });
  return {
    world,
    issuer,
    port,
    register: (redirectUris) =>
      seedClient(world.rooms, { name: 'The first Cardea', type: 'web', firstParty: true, redirectUris }),
    agent: () => createAgent(issuer, [], (target, init) => send(target, init)),
  };
}
