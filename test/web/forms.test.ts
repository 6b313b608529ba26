import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseForm, readForm } from '../../src/web/forms.ts';
import { WebFault } from '../../src/web/problem.ts';
import { processorMs } from '../harness/cost.ts';
import { type ServedDoors, serveDoors } from './serve-doors.ts';

const parse = (text: string) => ({ ...parseForm(Buffer.from(text, 'latin1'), 40) });
const status = (text: string) => {
  try {
    parse(text);
    return 200;
  } catch (error) {
    return error instanceof WebFault ? error.status : error;
  }
};

describe('P7 what a form may hold', () => {
  test('names and values are decoded; a name without "=" is empty', () => {
    expect(parse('a=1&b=x+y&c=%C3%A9&d')).toEqual({ a: '1', b: 'x y', c: 'é', d: '' });
    expect(parse('')).toEqual({});
  });

  test('__proto__ and constructor are names like any other and touch no prototype', () => {
    const form = parseForm(Buffer.from('__proto__=x&constructor=y&toString=z'), 40);
    expect(Object.getPrototypeOf(form)).toBeNull();
    expect(Object.entries(form)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['toString', 'z'],
    ]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect(parseForm(Buffer.from(''), 40).hasOwnProperty).toBeUndefined();
  });

  test.each([
    ['twice', 'a=1&a=2'],
    ['twice, written differently', 'a=1&%61=2'],
    ['an array', 'a[]=1'],
    ['an object', 'a[b]=1'],
    ['an encoded object', 'a%5Bb%5D=1'],
    ['bad percent-encoding', 'a=%zz'],
    ['cut percent-encoding', 'a=%4'],
    ['UTF-8 that is none', 'a=%ff%fe'],
    ['an overlong form of "/"', 'a=%c0%af'],
    ['half a surrogate pair', 'a=%ed%a0%80'],
    ['a raw byte that is no UTF-8', 'a=\xff'],
    ['NUL', 'a=x%00y'],
    ['too many fields', Array.from({ length: 41 }, (_, i) => `f${i}=1`).join('&')],
  ])('%s: 400', (_, text) => expect(status(text)).toBe(400));

  test('P5 hostile bodies of the largest size cost no time', async () => {
    const cost = await processorMs(() => {
      for (const piece of ['%', '%4', '&', '=', '+', 'a[', '%00', '%F0%9F%98%80', '\xff']) {
        status(piece.repeat(Math.floor(16_384 / piece.length)));
      }
    });
    expect(cost).toBeLessThan(100);
  });
});

describe('P6 P7 over the wire', () => {
  let served: ServedDoors;
  beforeAll(async () => {
    served = await serveDoors('http://localhost', [
      async (ctx) => {
        ctx.body = JSON.stringify(await readForm(ctx, { timeoutMs: 150 }));
      },
    ]);
  });
  afterAll(() => served.close());

  const post = async (body: string, headers: readonly string[] = [`Content-Length: ${body.length}`]) => {
    const type = headers.some((line) => line.startsWith('Content-Type'))
      ? []
      : ['Content-Type: application/x-www-form-urlencoded'];
    const head = ['POST / HTTP/1.1', 'Host: localhost', 'Connection: close', ...type, ...headers].join(
      '\r\n',
    );
    return Number((await served.raw(`${head}\r\n\r\n${body}`)).split(' ')[1]);
  };

  test('an ordinary form', async () => expect(await post('a=1')).toBe(200));
  test('no body at all is a form without fields', async () =>
    expect(await post('', ['Content-Length: 0'])).toBe(200));
  test('413 by its declared length, before it is read', async () => {
    expect(await post('', ['Content-Length: 16385'])).toBe(413);
  });
  test('413 by its real length, in chunks', async () => {
    const chunk = `${(17_000).toString(16)}\r\n${'a'.repeat(17_000)}\r\n0\r\n\r\n`;
    expect(await post(chunk, ['Transfer-Encoding: chunked'])).toBe(413);
  });
  test('16 kB exactly still fit', async () => expect(await post(`a=${'x'.repeat(16_382)}`)).toBe(200));
  test.each(['application/json', 'multipart/form-data; boundary=x', 'text/plain'])('415 %s', async (type) => {
    expect(await post('{}', [`Content-Type: ${type}`, 'Content-Length: 2'])).toBe(415);
  });
  test('415 a compressed form', async () => {
    expect(await post('x', ['Content-Encoding: gzip', 'Content-Length: 1'])).toBe(415);
  });
  test('408 a body that dribbles in', async () => {
    expect(await post('a=', ['Content-Length: 10'])).toBe(408);
  });
  test('a length and chunks together (request smuggling) are refused', async () => {
    expect(await post('0\r\n\r\n', ['Content-Length: 5', 'Transfer-Encoding: chunked'])).toBe(400);
  });
  test('headers over 16 kB are refused', async () => {
    expect(await post('a=1', ['Content-Length: 3', `X-Long: ${'x'.repeat(17_000)}`])).toBe(431);
  });
  test('a sender that goes away leaves nothing behind', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(served.port, '127.0.0.1', () => {
        const head =
          'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\na=';
        socket.write(head, () => socket.destroy());
      });
      socket.on('close', () => resolve());
    });
    expect(await post('a=1')).toBe(200);
  });
});
