import type Koa from 'koa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ProtocolViews } from '../../src/pages/protocol-views.ts';
import { ask } from './browser.ts';
import { ada, orders } from './fake-front-door.ts';
import { type ServedPages, servePages } from './serve-pages.ts';

let served: ServedPages;
let views: ProtocolViews;
let render: (ctx: Koa.Context) => string;

beforeAll(async () => {
  served = await servePages({
    extra: (made) => {
      views = made;
      return (ctx) => {
        ctx.body = render(ctx);
        ctx.type = 'html';
      };
    },
  });
});
afterAll(() => served.close());

test('S8 sign-out asks first: a form to the engine, with its secret, and a way to stay', async () => {
  render = (ctx) =>
    views.renderLogoutConfirm(ctx, {
      formAction: '/oauth2/logout/confirm',
      fields: [{ name: 'xsrf', value: 's"ecret' }],
      confirm: { name: 'logout', value: 'yes' },
      person: ada,
      client: orders,
    });
  const { text, headers } = await ask(served.port, '/oauth2/logout');
  expect(text).toContain('name="xsrf" value="s&#34;ecret"');
  expect(text).toContain('name="logout" value="yes"');
  expect(text).toContain('Stay signed in');
  expect(headers['content-security-policy']).toContain(
    "form-action 'self' https://orders.example https://www.orders.example",
  );
});

test('form_post: a visible button, an external script, and only the redirect as target', async () => {
  const action = 'https://orders.example/callback';
  render = (ctx) => views.renderFormPost(ctx, { action, fields: [{ name: 'code', value: '<c>' }] });
  const { text, headers } = await ask(served.port, '/oauth2/authorize');
  expect(text).toContain('value="&#60;c&#62;"');
  expect(text).toMatch(/<script src="\/assets\/send-[A-Za-z0-9]+\.js" defer><\/script>/);
  expect(text.match(/<script/g)).toHaveLength(1);
  expect(text).toContain('Continue</button>');
  expect(headers['content-security-policy']).toContain("form-action 'self' https://orders.example;");
});

test('an error: plain words first, the wire words and the reference small, always a way on', async () => {
  render = (ctx) =>
    views.renderError(ctx, {
      code: 'invalid_redirect_uri',
      detail: 'redirect_uri <b>did not match</b>',
      reference: 'K7QF-2M9D',
      client: orders,
    });
  const { text } = await ask(served.port, '/oauth2/authorize');
  expect(text).toContain('We won’t send you there');
  expect(text).toContain('&#60;b&#62;did not match');
  expect(text).toContain('Reference K7QF-2M9D');
  expect(text).toContain('Back to Orders');
});

test.each([undefined, { client: orders }])('signed out has a way on', async (view) => {
  render = (ctx) => views.renderSignedOut(ctx, view);
  const { text } = await ask(served.port, '/oauth2/logout/success');
  expect(text).toContain(view ? 'href="https://orders.example/"' : 'href="/"');
});
