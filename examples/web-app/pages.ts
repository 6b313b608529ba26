/** The pages of the Orders app. Whatever goes into `html` is escaped unless it came out of `html`. */
import type { Session } from './sessions.ts';

class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function html(parts: TemplateStringsArray, ...values: unknown[]): Markup {
  const show = (value: unknown): string => {
    if (value instanceof Markup) return value.text;
    if (Array.isArray(value)) return value.map(show).join('');
    return String(value ?? '').replace(/[&<>"']/g, (character) => escapes[character] ?? '');
  };
  return new Markup(parts.reduce((text, part, index) => text + show(values[index - 1]) + part));
}

function page(title: string, body: Markup): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Orders</title><link rel="stylesheet" href="/style.css"></head>
<body><header><a href="/" class="mark">Orders</a></header><main>${body}</main></body></html>`.text;
}

export function startPage(): string {
  return page(
    'Welcome',
    html`<section class="hero"><h1>Every order, in one place.</h1>
<p>An example of a web application that leaves signing in to Cardea.</p>
<a class="act" href="/sign-in">Sign in with Cardea</a></section>`,
  );
}

export function faultPage(text: string, code?: string): string {
  return page(
    'That did not work',
    html`<section class="hero"><h1>That did not work</h1><p>${text}</p>
<a class="act" href="/">Back to the start</a>${code ? html`<p class="small">${code}</p>` : ''}</section>`,
  );
}

interface Order {
  id: string;
  item: string;
  total: string;
}

export function signedInPage(session: Session, orders: unknown): string {
  const person = session.person ?? {};
  const minutes = Math.max(0, Math.round(((session.expiresAt ?? 0) - Date.now()) / 60_000));
  const found = (orders as { orders?: Order[] }).orders;
  const facts = {
    'What it may do': session.scope,
    'Runs out in': `${minutes} min`,
    'Refreshed by hand': `${session.refreshes ?? 0} times`,
    'Signed in at': new Date(Number(session.claims?.auth_time ?? session.claims?.iat) * 1000).toISOString(),
    'Issued by': session.claims?.iss,
  };
  return page(
    'Your orders',
    html`<div class="who"><div><h1>Hello, ${person.name ?? person.email ?? 'you'}</h1><p>${person.email}</p></div>
<form method="post" action="/sign-out"><button class="plain">Sign out</button></form></div>
<section><h2>Your orders</h2><p class="small">From the API, with your access token</p>
${
  found
    ? html`<table><tr><th>Order</th><th>Item</th><th class="number">Total</th></tr>${found.map(
        (order) =>
          html`<tr><td>${order.id}</td><td>${order.item}</td><td class="number">${order.total}</td></tr>`,
      )}</table>`
    : html`<p>${orders}</p>`
}</section>
<section><h2>What Cardea says about you</h2><p class="small">From userinfo</p>${list(person)}</section>
<section><h2>Your access token</h2><p class="small">Held on the server; the browser never sees it</p>${list(facts)}
<form method="post" action="/refresh"><button class="plain">Refresh it now</button></form></section>`,
  );
}

function list(values: Record<string, unknown>): Markup {
  const text = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : value);
  return html`<dl>${Object.entries(values).map(([name, value]) => html`<dt>${name}</dt><dd>${text(value)}</dd>`)}</dl>`;
}

export const style = `:root{color-scheme:light dark;--ink:#1d1a16;--soft:#6b6257;--line:#e6dfd5;--back:#fbf8f3;--card:#fff;--act:#a33b12;--on:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#f4efe8;--soft:#b3a89a;--line:#3a342d;--back:#171411;--card:#201c18;--act:#ff9a6c;--on:#2a1006}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 ui-serif,Georgia,serif}
header{padding:20px 24px;border-bottom:1px solid var(--line)}.mark{font-weight:700;font-size:20px;color:var(--act);text-decoration:none}
main{max-width:720px;margin:0 auto;padding:32px 24px}h1{font-size:32px;line-height:1.15;margin:0}h2{font-size:18px;margin:0}p{margin:8px 0}
.small,.who p,dt,th{color:var(--soft);font-size:14px}.hero{padding-block:8vh;background:none;border:0}
section{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:20px;margin-block:20px}
.who{display:flex;justify-content:space-between;gap:16px;align-items:start;flex-wrap:wrap}
.act,button{display:inline-block;min-height:44px;padding:9px 18px;border:1px solid var(--act);border-radius:6px;background:var(--act);color:var(--on);font:inherit;font-weight:600;text-decoration:none;cursor:pointer;margin-top:12px}
.plain{background:none;color:var(--act)}:focus-visible{outline:2px solid var(--act);outline-offset:2px}
table{width:100%;border-collapse:collapse;margin-top:8px}th,td{text-align:start;padding:8px 0;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}.number{text-align:end}
dl{display:grid;grid-template-columns:minmax(120px,auto) 1fr;gap:6px 16px;margin:12px 0 0}dd{margin:0;overflow-wrap:anywhere}`;
