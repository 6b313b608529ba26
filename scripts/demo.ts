/**
 * `npm run demo`: the provider on the embedded default with a data directory of its own, an account, an example web app,
 * an API and a microservice that calls it. Everything is gone after Ctrl-C.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type Places, type Running, register, startExamples, startProvider } from './demo-parts.ts';

const running: Running[] = [];
const dataDir = await mkdtemp(join(tmpdir(), 'cardea-demo-'));
let stopping: Promise<void> | undefined;

function stopAll(): Promise<void> {
  stopping ??= (async () => {
    // The examples first: they have nothing to say without the provider.
    for (const program of running.toReversed()) await program.stop();
    await rm(dataDir, { recursive: true, force: true });
  })();
  return stopping;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    void stopAll().then(() => process.exit(0));
  });
}

try {
  const places: Places = {
    dataDir,
    issuer: `http://localhost:${await freePort(3000)}`,
    webUrl: `http://localhost:${await freePort(4000)}`,
    apiUrl: `http://localhost:${await freePort(5000)}`,
    reportsUrl: `http://localhost:${await freePort(5001)}`,
  };
  console.log('Starting the provider …');
  running.push(await startProvider(places));
  console.log('Registering an API, two clients and an account …');
  const registered = await register(places);
  running.push(...(await startExamples(places, registered)));
  console.log(tour(places, registered));
} catch (error) {
  if (!stopping) console.error(error instanceof Error ? error.message : error);
  await stopAll();
  process.exit(1);
}

function tour(places: Places, { email, password }: { email: string; password: string }): string {
  return `
  Open      ${places.webUrl}   the Orders app: "Sign in with Cardea"
  Sign in   ${email}
  Password  ${password}

  Then try
    ${places.reportsUrl}   the Reports service: calls the API with a token of its own
    ${places.apiUrl}/orders   the API without a token: 401
    ${places.issuer}   the provider itself, and ${places.issuer}/.well-known/openid-configuration
    sign out in the app, and in again: consent is not asked twice

  The command line, in another terminal:
    CARDEA_DATA_DIR=${places.dataDir} npx cardea client list

  Ctrl-C stops everything and deletes it.
`;
}
