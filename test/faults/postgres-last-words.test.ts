/** F13, I5: a Postgres that greets and says goodbye in one packet breaks one request, never the process. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { openPostgresPool } from '../../src/storage/postgres.ts';
import { silentLog } from '../contracts/store-settings.ts';

/** One message of the protocol: its letter, its length, its body. */
function message(letter: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(letter), length, body]);
}
const authenticationOk = message('R', Buffer.from([0, 0, 0, 0]));
const readyForQuery = message('Z', Buffer.from('I'));
const terminated = message(
  'E',
  Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'),
);

async function serve(greet: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => greet(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const pool = openPostgresPool({
    databaseUrl: new Secret(`postgres://postgres@127.0.0.1:${address.port}/x`),
    log: { ...silentLog, debug() {}, error() {}, child: () => ({}) as never },
  });
  return {
    pool,
    close: async () => {
      await pool.close();
      server.close();
      await once(server, 'close');
    },
  };
}

test('I5: greeting and end in one packet: the statement fails, nobody else notices', async () => {
  // An error that nobody listens for would end this process, as it ended a server.
  const { pool, close } = await serve((socket) =>
    socket.end(Buffer.concat([authenticationOk, readyForQuery, terminated])),
  );
  const outcome = await pool
    .connect()
    .then(async (client) => {
      const failed = await client.query('select 1', []).catch(() => 'failed');
      client.release(true);
      return failed;
    })
    .catch(() => 'failed');
  expect(outcome).toBe('failed');
  await close();
});

test('I5: last words on a connection that has just been thrown away', async () => {
  const sockets: Socket[] = [];
  const { pool, close } = await serve((socket) => {
    sockets.push(socket);
    socket.write(Buffer.concat([authenticationOk, readyForQuery]));
  });
  const client = await pool.connect();
  client.release(true);
  sockets[0]?.end(terminated);
  await once(sockets[0] as Socket, 'close');
  await close();
  expect(sockets).toHaveLength(1);
});
