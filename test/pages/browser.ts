/** A browser without JavaScript: keeps cookies, follows nothing by itself, reads forms out of the page. */
import { request as httpRequest } from 'node:http';
import { UID_COOKIE } from './fake-front-door.ts';
import type { ServedPages } from './serve-pages.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly setCookies: readonly string[];
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One raw request to the server; the Host header is the issuer's unless given. */
export function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { host: `localhost:${port}`, accept: 'text/html', ...headers },
      },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () =>
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            text: Buffer.concat(chunks).toString('utf8'),
            setCookies: res.headers['set-cookie'] ?? [],
          }),
        );
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

export class PlainBrowser {
  readonly cookies = new Map<string, string>();
  readonly #served: Pick<ServedPages, 'port' | 'origin'>;

  constructor(served: Pick<ServedPages, 'port' | 'origin'>) {
    this.#served = served;
  }

  /** As if the engine had begun these interactions in this browser. */
  begin(...uids: string[]): this {
    this.cookies.set(UID_COOKIE, uids.join('.'));
    return this;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.#keep(
      await ask(this.#served.port, path, { headers: { ...this.#cookieHeader(), ...headers } }),
    );
  }

  async post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    const body = new URLSearchParams(fields).toString();
    const sent = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: this.#served.origin,
      'sec-fetch-site': 'same-origin',
      ...this.#cookieHeader(),
      ...headers,
    };
    return this.#keep(await ask(this.#served.port, path, { method: 'POST', headers: sent, body }));
  }

  #cookieHeader(): Record<string, string> {
    if (this.cookies.size === 0) return {};
    return { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  }

  #keep(answer: Answer): Answer {
    for (const line of answer.setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }
}

/** The value of the first hidden field with this name. */
export function fieldOf(html: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? '';
}
