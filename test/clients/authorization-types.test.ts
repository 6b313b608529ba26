/** Types of authorization details: what may be registered, and what a schema lets through (RFC 9396 sections 2 and 5). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeAuthorizationTypes } from '../../src/clients/authorization-types.ts';
import { detailFault, type JsonObject } from '../../src/clients/detail-schema.ts';

const schema: JsonObject = {
  type: 'object',
  required: ['amount', 'to'],
  properties: {
    amount: {
      type: 'object',
      additionalProperties: false,
      required: ['value', 'currency'],
      properties: { value: { type: 'string', maxLength: 12 }, currency: { enum: ['EUR', 'GBP'] } },
    },
    to: { type: 'string', minLength: 1, maxLength: 70 },
    actions: { type: 'array', maxItems: 4, items: { enum: ['initiate', 'status'] } },
  },
};
const payment = { type: 'payment', description: 'Pay {amount.value} {amount.currency} to {to}', schema };
const faults = (more: object) => judgeAuthorizationTypes([{ ...payment, ...more }]).faults;
const good = { type: 'payment', amount: { value: '12.50', currency: 'EUR' }, to: 'Ada' };

describe('registering', () => {
  it('takes a type with its words and its schema, by a name or by a URI', () => {
    expect(judgeAuthorizationTypes([payment])).toEqual({
      types: [{ ...payment, sensitive: [] }],
      faults: [],
    });
    expect(faults({ type: 'https://api.example.com/payment', sensitive: ['to', 'amount.value'] })).toEqual(
      [],
    );
  });

  it.each([
    ['a reference', { properties: { a: { $ref: 'https://evil.example/schema' } } }, '$ref'],
    ['a reference within', { $defs: { a: {} }, properties: { a: { $ref: '#/$defs/a' } } }, '$defs'],
    ['a regular expression', { properties: { a: { type: 'string', pattern: '^(a+)+$' } } }, 'pattern'],
    ['one for names', { patternProperties: { '(a+)+$': {} } }, 'patternProperties'],
    ['a format', { properties: { a: { format: 'email' } } }, 'format'],
    ['a keyword of its own', { $dynamicRef: '#x' }, '$dynamicRef'],
    ['unknown members', { additionalProperties: true }, 'unknown members'],
    ['another type', { type: 'string' }, 'not object'],
    ['nonsense', { properties: { a: { type: 'text' } } }, 'does not compile'],
    ['no list', { properties: { a: { anyOf: {} } } }, 'of no use'],
  ])('refuses a schema with %s', (_, wrong, said) => {
    expect(faults({ schema: { type: 'object', ...wrong } }).join()).toContain(said);
  });

  it('refuses what is too deep or too long, and does so fast', () => {
    let deep: object = {};
    for (let n = 0; n < 50; n += 1) deep = { properties: { a: deep } };
    expect(faults({ schema: deep }).join()).toContain('nested deeper');
    const long = { properties: { a: { enum: Array.from({ length: 5_000 }, (_, n) => `v${n}`) } } };
    expect(faults({ schema: long }).join()).toContain('longer than 16384');
  });

  it.each([
    [{ type: '__proto__' }, 'neither a name nor a URI'],
    [{ type: 'pay ment' }, 'neither a name nor a URI'],
    [{ description: undefined }, 'no description'],
    [{ description: 'Pay {a b}' }, 'no path of members'],
    [{ description: 'Pay \u202eyap' }, 'text-direction'],
    [{ sensitive: ['a..b'] }, 'no list of paths'],
    [{ sensitive: 'to' }, 'no list of paths'],
    [{ schema: undefined }, 'no schema'],
    [{ validate: 'x' }, 'not known'],
  ])('refuses %o', (wrong, said) => expect(faults(wrong).join()).toContain(said));

  it('refuses a type twice, too many, and what is no list', () => {
    expect(judgeAuthorizationTypes([payment, payment]).faults.join()).toContain('twice');
    expect(judgeAuthorizationTypes(Array.from({ length: 21 }, () => payment)).faults.join()).toContain(
      'more than 20',
    );
    expect(judgeAuthorizationTypes({}).faults).toEqual(['must be a list']);
  });
});

describe('checking', () => {
  it.each([
    [good, undefined],
    [{ ...good, locations: ['https://api.example.com'] }, undefined],
    [{ ...good, actions: ['initiate'] }, undefined],
    [{ ...good, to: undefined }, 'to is missing'],
    [{ ...good, to: 1 }, 'to must be string'],
    [{ type: 'payment', amount: good.amount }, 'to is missing'],
    [{ ...good, amount: { value: 12.5, currency: 'EUR' } }, 'amount.value must be string'],
    [
      { ...good, amount: { value: '1', currency: 'secret-value' } },
      'amount.currency has a value that is not allowed',
    ],
    [{ ...good, extra: 'secret-value' }, 'extra is not known'],
    [{ ...good, privileges: ['admin'] }, 'privileges is not known'],
    [{ ...good, actions: ['delete'] }, 'actions.0 has a value that is not allowed'],
    [
      JSON.parse('{"type":"payment","to":"a","__proto__":{"amount":{"value":"1","currency":"EUR"}}}'),
      'amount is missing',
    ],
  ])('%o: %s', (detail, fault) => {
    expect(detailFault(schema, detail)).toBe(fault);
  });

  it('says of whatever comes that it is right or what is wrong, and never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const fault = detailFault(schema, value);
        expect(fault === undefined || fault.length > 0).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
