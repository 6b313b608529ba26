/** Writes answers, with the headers that every page of the app has. */
import type { ServerResponse } from 'node:http';

export function createAnswers({ issuer }: { issuer: string }) {
  // Signing out is a form whose answer leads to the provider: browsers check that redirect too.
  const formTargets = `'self' ${new URL(issuer).origin}`;
  const policy = `default-src 'none'; style-src 'self'; form-action ${formTargets}; frame-ancestors 'none'; base-uri 'none'`;
  return {
    redirect(response: ServerResponse, location: string): void {
      response.writeHead(303, { location, 'cache-control': 'no-store' }).end();
    },
    send(response: ServerResponse, status: number, body: string, type = 'text/html; charset=utf-8'): void {
      response.writeHead(status, {
        'content-type': type,
        'cache-control': 'no-store',
        'content-security-policy': policy,
        'referrer-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
      });
      response.end(body);
    },
  };
}
