import { expect, test } from 'vitest';
import { asUnavailable, isConnectionFault, StorageUnavailable } from '../../src/storage/unavailable.ts';

const withCode = (code: string, message = 'x') => Object.assign(new Error(message), { code });

test.each([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN'].map((code) => withCode(code)),
  ...['08006', '25006', '25P03', '53300', '57P01', '57P02', '57P03', '57014', '55P03', '40P01'].map((code) =>
    withCode(code),
  ),
  new AggregateError([withCode('ECONNREFUSED')]),
  new Error('Connection terminated unexpectedly'),
  new Error('timeout exceeded when trying to connect'),
  new Error('Client has encountered a connection error and is not queryable'),
  new Error('Connection is closed.'),
  new Error('Command timed out'),
  new Error("Socket timeout. Expecting data, but didn't receive any in 2000ms."),
  new Error("READONLY You can't write against a read only replica."),
  new Error('LOADING Redis is loading the dataset in memory'),
  new Error('CLUSTERDOWN The cluster is down'),
  Object.assign(new Error('x'), { name: 'MaxRetriesPerRequestError' }),
  new StorageUnavailable('x'),
])('a fault of the connection: %s', (error) => {
  expect(isConnectionFault(error)).toBe(true);
  const mapped = asUnavailable(error, 'the store');
  expect(mapped).toBeInstanceOf(StorageUnavailable);
  if (mapped instanceof StorageUnavailable) {
    expect(mapped.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    expect(mapped.retryAfterSeconds).toBeLessThanOrEqual(5);
  }
});

test.each([
  ...['23505', '42703', '22P02', '25P02', 'EACCES'].map((code) => withCode(code)),
  new Error('WRONGTYPE Operation against a key holding the wrong kind of value'),
  new TypeError('nothing to do with it'),
  'a string',
  undefined,
])('not one: %s', (error) => {
  expect(isConnectionFault(error)).toBe(false);
  expect(asUnavailable(error, 'the store')).toBe(error);
});
