/** Places by a database on this machine: a tiny one is made here, byte by byte (MaxMind DB file format 2.0). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlaces } from '../../src/sessions/places.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'cardea-places-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Value = string | number | readonly string[] | { readonly [name: string]: Value };

/** Types of the data section: 2 string, 6 uint32, 7 map, 11 array (extended). Sizes below 29 fit the first byte. */
function encoded(value: Value): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([Buffer.from([(2 << 5) | text.length]), text]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([Buffer.from([(6 << 5) | 4]), bytes]);
  }
  if (Array.isArray(value)) {
    return Buffer.concat([Buffer.from([value.length, 11 - 7]), ...value.map(encoded)]);
  }
  const entries = Object.entries(value);
  const parts = entries.flatMap(([name, member]) => [encoded(name), encoded(member)]);
  return Buffer.concat([Buffer.from([(7 << 5) | entries.length]), ...parts]);
}

/** A database that knows one network: 203.0.113.0/24. */
function database(type: string, record: Value): Buffer {
  const bits = [203, 0, 113].flatMap((byte) => [...byte.toString(2).padStart(8, '0')].map(Number));
  const nodes = bits.map((bit, place) => {
    const next = place === bits.length - 1 ? bits.length + 16 : place + 1;
    const node = Buffer.alloc(6);
    node.writeUIntBE(bit === 0 ? next : bits.length, 0, 3);
    node.writeUIntBE(bit === 1 ? next : bits.length, 3, 3);
    return node;
  });
  const metadata = encoded({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: type,
    description: { en: 'made for a test' },
    ip_version: 4,
    languages: ['en', 'de'],
    node_count: bits.length,
    record_size: 24,
  });
  const marker = Buffer.concat([Buffer.from([0xab, 0xcd, 0xef]), Buffer.from('MaxMind.com')]);
  return Buffer.concat([...nodes, Buffer.alloc(16), encoded(record), marker, metadata]);
}

function file(name: string, content: Buffer | string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const mainz = { city: { names: { en: 'Mainz', de: 'Mainz am Rhein' } }, country: { iso_code: 'DE' } };

test('a network is told by city and country, in the language of the page', () => {
  const placeOf = openPlaces(file('city.mmdb', database('GeoLite2-City', mainz)));
  expect(placeOf('203.0.113.7', 'en')).toBe('Mainz, Germany');
  expect(placeOf('203.0.113.7', 'de')).toBe('Mainz am Rhein, Deutschland');
  expect(placeOf('203.0.113.7', 'ja')).toBe('Mainz, ドイツ');
  expect(placeOf('198.51.100.1', 'en')).toBeUndefined();
  expect(placeOf('2001:db8::/64', 'en')).toBeUndefined();
  expect(placeOf('nothing that is an address', 'en')).toBeUndefined();
});

test('countries alone, and what a database should not hold', () => {
  const country = openPlaces(file('country.mmdb', database('Country', { country: { iso_code: 'DE' } })));
  expect(country('203.0.113.7', 'en')).toBe('Germany');
  const odd = openPlaces(file('odd.mmdb', database('Country', { country: { iso_code: '<b>' } })));
  expect(odd('203.0.113.7', 'en')).toBeUndefined();
});

test('a damaged file, or one that was made to harm, breaks no page: that network is not known', () => {
  const whole = database('GeoLite2-City', mainz);
  let opened = 0;
  for (let at = 0; at < whole.length; at += 1) {
    const damaged = Buffer.from(whole);
    damaged[at] = 0xff;
    const path = file('damaged.mmdb', damaged);
    let placeOf: ReturnType<typeof openPlaces>;
    try {
      placeOf = openPlaces(path);
    } catch {
      // Refused at the start.
      continue;
    }
    opened += 1;
    for (const network of ['203.0.113.7', '198.51.100.1', '255.255.255.255', '2001:db8::/64']) {
      expect(['string', 'undefined'], `${at} ${network}`).toContain(typeof placeOf(network, 'en'));
    }
  }
  expect(opened).toBeGreaterThan(100);
  const odd: readonly Value[] = [
    'a word',
    { city: 'a word', country: 'a word' },
    { city: { names: 'a word' }, country: { iso_code: 5 } },
    { city: { names: { en: 5, de: ['a'] } }, country: { iso_code: ['DE'] } },
  ];
  for (const record of odd) {
    const placeOf = openPlaces(file('odd.mmdb', database('City', record)));
    for (const lang of ['en', 'de', '__proto__']) expect(placeOf('203.0.113.7', lang)).toBeUndefined();
  }
  const steering = { city: { names: { en: '\u202eMainz\u0007\n<b>' } } };
  const told = openPlaces(file('odd.mmdb', database('City', steering)))('203.0.113.7', 'en');
  expect(told).toBe('Mainz <b>');
});

test('without a database no place is shown', () => {
  expect(openPlaces(undefined)('203.0.113.7', 'en')).toBeUndefined();
});

test('what cannot be read is refused at the start, with the name of the setting', () => {
  const whole = database('GeoLite2-City', mainz);
  for (const path of [
    join(dir, 'not-there.mmdb'),
    file('empty.mmdb', ''),
    file('text.mmdb', 'no database at all'),
    file('cut.mmdb', whole.subarray(0, 100)),
    file('asn.mmdb', database('GeoLite2-ASN', { number: 1 })),
  ]) {
    expect(() => openPlaces(path), path).toThrow(
      /^CARDEA_GEOIP_FILE: .+Name a database of cities or countries/,
    );
  }
});
