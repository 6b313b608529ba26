/** A browser without scripting: keeps cookies as browsers do, follows redirects one at a time, fills in forms. */

export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly expires: number;
}

export interface Page {
  readonly status: number;
  readonly url: string;
  readonly headers: Headers;
  readonly text: string;
  /** Absolute; undefined when the answer is no redirect. */
  readonly location: string | undefined;
}

export interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface Agent {
  readonly cookies: readonly Cookie[];
  get(url: string, headers?: Record<string, string>): Promise<Page>;
  post(url: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Page>;
  /** Follows redirects on this origin; stops at the first answer that is none or that leads elsewhere. */
  follow(page: Page): Promise<Page>;
  clone(): Agent;
}

/** How requests leave: `fetch`, or a way of its own (a proxy that ends TLS: test/security/behind-proxy.ts). */
export type Send = (target: URL, init: RequestInit) => Promise<Response>;

export function createAgent(
  origin: string,
  start: readonly Cookie[] = [],
  transport: Send = (target, init) => fetch(target, init),
): Agent {
  let jar: Cookie[] = [...start];

  async function send(url: string, init: RequestInit): Promise<Page> {
    const target = new URL(url, origin);
    const cookie = jar
      .filter(({ path, expires }) => pathFits(target.pathname, path) && expires > Date.now())
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const headers = new Headers(init.headers);
    if (cookie) headers.set('cookie', cookie);
    if (!headers.has('accept')) headers.set('accept', 'text/html');
    const answer = await transport(target, { ...init, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) keep(line, target);
    const location = answer.headers.get('location');
    return {
      status: answer.status,
      url: target.href,
      headers: answer.headers,
      text: await answer.text(),
      location: location === null ? undefined : new URL(location, target).href,
    };
  }

  function keep(line: string, target: URL): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const [name = '', ...value] = pair.split('=');
    const of = (attribute: string) =>
      attributes.find((part) => part.toLowerCase().startsWith(`${attribute}=`))?.slice(attribute.length + 1);
    const path = of('path') ?? target.pathname;
    const expires = of('expires') ? Date.parse(of('expires') ?? '') : Number.POSITIVE_INFINITY;
    jar = jar.filter((cookie) => cookie.name !== name || cookie.path !== path);
    if (expires > Date.now() && value.join('=') !== '')
      jar.push({ name, value: value.join('='), path, expires });
  }

  const agent: Agent = {
    get cookies() {
      return jar;
    },
    get: (url, headers = {}) => send(url, { headers }),
    post: (url, fields, headers = {}) =>
      send(url, {
        method: 'POST',
        headers: { origin, ...headers },
        body: new URLSearchParams(fields),
      }),
    async follow(page) {
      let current = page;
      for (let hops = 0; hops < 10; hops += 1) {
        if (!current.location || new URL(current.location).origin !== origin) return current;
        current = await agent.get(current.location);
      }
      throw new Error(`redirects without end: ${current.url}`);
    },
    clone: () => createAgent(origin, jar, transport),
  };
  return agent;
}

/** The forms of a page with their hidden and filled fields. */
export function formsOf(page: Page): Form[] {
  return [...page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(
    ([, attributes = '', inner = '']) => {
      const fields: Record<string, string> = {};
      for (const [input] of inner.matchAll(/<input\b[^>]*>/g)) {
        const name = attribute(input, 'name');
        if (name) fields[name] = unescapeHtml(attribute(input, 'value') ?? '');
      }
      return { action: new URL(unescapeHtml(attribute(attributes, 'action') ?? ''), page.url).href, fields };
    },
  );
}

/** The form whose action ends so. */
export function formTo(page: Page, ending: string): Form {
  const found = formsOf(page).find(({ action }) => new URL(action).pathname.endsWith(ending));
  if (!found)
    throw new Error(`no form to ${ending} on ${page.status} ${page.url}:\n${page.text.slice(0, 2000)}`);
  return found;
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}\\s*=\\s*"([^"]*)"`).exec(tag)?.[1];
}

function unescapeHtml(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&');
}

function pathFits(asked: string, path: string): boolean {
  return path === '/' || asked === path || asked.startsWith(path.endsWith('/') ? path : `${path}/`);
}

/** Where the answer leads: by redirect, or by the link of a page that asks first. */
export function goesOnTo({ location, text, status }: Page): URL {
  const link = /<a class="second" href="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
  const address = location ?? link;
  if (address === undefined || !URL.canParse(address)) throw new Error(`leads nowhere: ${status} ${text}`);
  return new URL(address);
}
