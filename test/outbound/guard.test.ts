/** D4: nothing that a stranger names leads into our own network. Listeners on this machine count who comes. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readAllowEntry } from '../../src/config/outbound-allow.ts';
import { specialUse } from '../../src/outbound/addresses.ts';
import type { Address, Resolve } from '../../src/outbound/destination.ts';
import { createOutbound, type Outbound, type OutboundOptions } from '../../src/outbound/outbound.ts';
import { OutboundRefused } from '../../src/outbound/outbound-faults.ts';
import { makeAuthority } from '../harness/certificates.ts';
import { type RemoteServer, startRemote } from '../harness/https-server.ts';

const authority = makeAuthority();
const open: Outbound[] = [];
let remote: RemoteServer;
let other: RemoteServer;
let redis: Server;
let redisConnections = 0;

const outbound = (options: Partial<OutboundOptions> = {}): Outbound => {
  const one = createOutbound({ allow: [], ...options });
  open.push(one);
  return one;
};

/** What came of a request: the reason of the refusal, the failure, or the status. */
async function outcome(client: Outbound, url: string): Promise<string> {
  try {
    return String((await client.send({ url })).status);
  } catch (fault) {
    if (fault instanceof OutboundRefused) return `refused: ${fault.reason}`;
    return `failed: ${(fault as { reason?: string }).reason ?? (fault as Error).message}`;
  }
}

const answers =
  (...turns: readonly (readonly string[])[]): Resolve =>
  async () => {
    const [now = [], ...later] = turns;
    if (later.length > 0) turns = later;
    return now.map((address): Address => ({ address, family: address.includes(':') ? 6 : 4 }));
  };

beforeAll(async () => {
  // On "::" Linux takes IPv4 and mapped addresses too: whoever gets through by any form is counted.
  remote = await startRemote(authority.server(), (_req, res) => res.end('{"keys":[]}'), '::');
  other = await startRemote(authority.server(), (_req, res) => res.end('other'), '::');
  redis = createServer((socket) => {
    redisConnections += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(redis, 'listening');
});

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

afterAll(async () => {
  await remote.close();
  await other.close();
  redis.close();
  authority.remove();
});

describe('D4 what is named by a stranger is not connected to', () => {
  const loopback = [
    '127.0.0.1',
    '127.1',
    '127.255.255.254',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '0',
    '0.0.0.0',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '%31%32%37.0.0.1',
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:7f00:1]',
    '[::127.0.0.1]',
    'localhost',
    'localhost.',
    'LOCALHOST',
  ];

  it.each(loopback)('D4 https://%s with a listener on its port: no connection', async (host) => {
    const before = remote.connections();
    expect(await outcome(outbound(), `https://${host}:${remote.port}/jwks`)).toMatch(
      // A name that this machine's resolver does not know is refused by it.
      /^(?:refused: address|failed: name)$/,
    );
    expect(remote.connections()).toBe(before);
  });

  it('D4 the same forms do reach the listener when they are listed: the counter can count', async () => {
    const client = outbound({ allow: [`127.0.0.1:${remote.port}`], caFile: authority.caFile });
    const before = remote.connections();
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1']) {
      expect(await outcome(client, `https://${host}:${remote.port}/`)).toBe('200');
    }
    expect(remote.connections()).toBe(before + 4);
  });

  it.each([
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '100.127.255.255',
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.1',
    '198.18.0.1',
    '192.88.99.1',
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
    '240.0.0.1',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[febf::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b:1::a9fe:a9fe]',
    '[2002:7f00:1::]',
    '[2002:a9fe:a9fe::1]',
    '[2001::1]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[100::1]',
    '[::ffff:0:127.0.0.1]',
    '[::ffff:169.254.169.254]',
    '[::ffff:8.8.8.8]',
  ])('D4 https://%s/ is refused by its address', async (host) => {
    expect(await outcome(outbound(), `https://${host}/`)).toBe('refused: address');
  });

  it.each([
    ['http://169.254.169.254/', 'scheme'],
    ['http://[::ffff:127.0.0.1]/', 'scheme'],
    ['http://0/', 'scheme'],
    ['http://example.com/', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['gopher://127.0.0.1:6379/_INFO', 'scheme'],
    ['ftp://example.com/', 'scheme'],
    ['data:application/json,{}', 'scheme'],
    ['unix:///var/run/docker.sock', 'scheme'],
    ['//example.com/', 'url'],
    ['', 'url'],
    ['https://', 'url'],
    ['https://256.256.256.256/', 'url'],
    [`https://example.com/${'a'.repeat(2048)}`, 'url'],
    ['https://user:pass@example.com/', 'credentials'],
    ['https://example.com@127.0.0.1/', 'credentials'],
  ])('D4 %s is refused by its %s', async (url, reason) => {
    expect(await outcome(outbound(), url)).toBe(`refused: ${reason}`);
  });

  it('D4 https to the port of something that is no TLS server', async () => {
    const address = redis.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    expect(await outcome(outbound(), `https://127.0.0.1:${port}/`)).toBe('refused: address');
    expect(redisConnections).toBe(0);
  });

  it('D4 a name with a private address, alone or beside a public one', async () => {
    for (const turn of [
      ['10.1.2.3'],
      ['93.184.216.34', '10.1.2.3'],
      ['93.184.216.34', '::1'],
      ['2606:2800:220:1::1', '64:ff9b::7f00:1'],
      ['::ffff:127.0.0.1'],
      ['fe80::1%eth0'],
      [...Array.from({ length: 40 }, () => '93.184.216.34'), '127.0.0.1'],
    ]) {
      const client = outbound({ resolve: answers(turn) });
      expect([turn.join(), await outcome(client, 'https://named.example/')]).toEqual([
        turn.join(),
        'refused: address',
      ]);
    }
  });

  it('D4 rebinding: the name is resolved once a request, and the judged address is the one connected to', async () => {
    // "Public" stands for an address that may be reached: the listed one. What comes second may not be.
    let lookups = 0;
    const resolve: Resolve = async () => {
      lookups += 1;
      return [{ address: lookups === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }];
    };
    const client = outbound({ allow: ['127.0.0.1/32'], caFile: authority.caFile, resolve });
    const url = `https://localhost:${remote.port}/`;
    const before = remote.connections();
    expect(await outcome(client, url)).toBe('200');
    expect(lookups).toBe(1);
    expect(await outcome(client, url)).toBe('refused: address');
    expect(await outcome(client, url)).toBe('refused: address');
    expect(remote.connections()).toBe(before + 1);
  });

  it('D4 a redirect is not followed, by send and by fetch', async () => {
    const bouncing = await startRemote(authority.server(), (req, res) => {
      res
        .writeHead(req.url === '/307' ? 307 : 302, { location: `https://localhost:${other.port}/secret` })
        .end();
    });
    const allow = [`localhost:${bouncing.port}`, `localhost:${other.port}`];
    const client = outbound({ allow, caFile: authority.caFile });
    expect((await client.send({ url: `${bouncing.origin}/302` })).status).toBe(302);
    for (const redirect of ['follow', 'manual', 'error'] as const) {
      expect((await client.fetch(`${bouncing.origin}/307`, { redirect })).status).toBe(307);
    }
    expect(other.connections()).toBe(0);
    await bouncing.close();
  });

  it('D4 fetch is under the same guard, and takes no other way out', async () => {
    const { fetch } = outbound();
    const before = remote.connections();
    const elsewhere = { dispatcher: { dispatch: () => expect.unreachable() } } as object;
    for (const input of [remote.origin, new URL(remote.origin), new Request(remote.origin)]) {
      await expect(fetch(input, elsewhere)).rejects.toBeInstanceOf(OutboundRefused);
    }
    await expect(fetch('http://example.com/')).rejects.toBeInstanceOf(OutboundRefused);
    await expect(fetch('file:///etc/passwd')).rejects.toBeInstanceOf(OutboundRefused);
    await expect(fetch('https://example.com/', { method: 'PUT' })).rejects.toThrow(/does not send PUT/);
    expect(remote.connections()).toBe(before);
  });
});

describe('D4 the allow-list', () => {
  it('D4 lets exactly the listed host and port through', async () => {
    const client = outbound({ allow: [`localhost:${remote.port}`], caFile: authority.caFile });
    const [there, elsewhere] = [remote.connections(), other.connections()];
    expect(await outcome(client, `https://localhost:${remote.port}/`)).toBe('200');
    for (const url of [
      `https://localhost:${other.port}/`,
      `https://127.0.0.1:${remote.port}/`,
      `https://127.0.0.1:${other.port}/`,
      `https://[::1]:${remote.port}/`,
      `https://[::ffff:127.0.0.1]:${remote.port}/`,
      `https://localhost.:${remote.port}/`,
    ]) {
      expect([url, await outcome(client, url)]).toEqual([
        url,
        expect.stringMatching(/^refused: address|^failed: name/),
      ]);
    }
    expect(remote.connections()).toBe(there + 1);
    expect(other.connections()).toBe(elsewhere);
  });

  it('D4 lets exactly the listed network through, whatever name leads there', async () => {
    const resolve: Resolve = async (name) => [
      { address: name === 'localhost' ? '127.0.0.1' : '127.0.0.9', family: 4 },
    ];
    const client = outbound({ allow: ['127.0.0.0/29'], caFile: authority.caFile, resolve });
    expect(await outcome(client, `https://localhost:${remote.port}/`)).toBe('200');
    expect(await outcome(client, `https://elsewhere.example:${remote.port}/`)).toBe('refused: address');
    // The mapped form of a listed address is another address.
    expect(await outcome(client, `https://[::ffff:127.0.0.1]:${remote.port}/`)).toBe('refused: address');
  });

  it('D4 trusts the CA file for what is listed, and nobody without it', async () => {
    const allow = [`localhost:${remote.port}`];
    expect(await outcome(outbound({ allow }), `${remote.origin}/`)).toBe('failed: tls');
    const stranger = makeAuthority();
    expect(await outcome(outbound({ allow, caFile: stranger.caFile }), `${remote.origin}/`)).toBe(
      'failed: tls',
    );
    stranger.remove();
    // The right authority, another name.
    const named = await startRemote(authority.server(['DNS:idp.example']), (_req, res) => res.end());
    const client = outbound({ allow: [`localhost:${named.port}`], caFile: authority.caFile });
    expect(await outcome(client, named.origin)).toBe('failed: tls');
    expect(named.asked).toEqual([]);
    await named.close();
    expect(() => createOutbound({ allow, caFile: '/nowhere/ca.pem' })).toThrow(/CARDEA_OUTBOUND_CA_FILE/);
  });

  it.each([
    ['idp.internal', { kind: 'host', host: 'idp.internal' }],
    ['IDP.internal:8443', { kind: 'host', host: 'idp.internal', port: 8443 }],
    ['10.1.2.3', { kind: 'network', address: '10.1.2.3', prefix: 32 }],
    ['10.1.2.3:8443', { kind: 'network', address: '10.1.2.3', prefix: 32, port: 8443 }],
    ['10.0.0.0/8', { kind: 'network', address: '10.0.0.0', prefix: 8 }],
    ['fd00::/8', { kind: 'network', address: 'fd00::', prefix: 8 }],
    ['fd00::1', { kind: 'network', address: 'fd00::1', prefix: 128 }],
    ['[fd00::1]:8443', { kind: 'network', address: 'fd00::1', prefix: 128, port: 8443 }],
  ])('reads %s', (text, entry) => expect(readAllowEntry(text)).toEqual(entry));

  it.each([
    '*',
    '*.internal',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    'https://idp.internal',
    'idp.internal/path',
    'idp.internal:0',
    'idp.internal:65536',
    'idp..internal',
    '.internal',
    '0x7f.1',
    '2130706433',
    '127.1',
    'fe80::1%eth0',
    '',
    'a b',
  ])('does not read "%s"', (text) => expect(readAllowEntry(text)).toBeUndefined());
});

describe('public addresses', () => {
  it.each(['1.1.1.1', '93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])(
    '%s may be connected to',
    (address) => expect(specialUse(address)).toBeUndefined(),
  );
});
