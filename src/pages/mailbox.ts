/**
 * The local mail box: on a loopback issuer without a mail server, what would have been sent is read here, by callers on
 * the same machine only. Elsewhere there is no such address.
 */
import { BlockList } from 'node:net';
import type { SendPage } from '../web/page-sender.ts';
import { WebFault } from '../web/problem.ts';
import type { PublicUrl } from '../web/public-url.ts';
import type { FrontDoor } from './front-door.ts';
import type { Route } from './routes.ts';

const here = new BlockList();
here.addSubnet('127.0.0.0', 8, 'ipv4');
here.addAddress('::1', 'ipv6');

export function mailboxRoutes(o: {
  front: Pick<FrontDoor, 'mailbox'>;
  publicUrl: Pick<PublicUrl, 'issuer'>;
  sendPage: SendPage;
}): readonly Route[] {
  const { mailbox } = o.front;
  if (!mailbox) return [];
  const { host } = new URL(o.publicUrl.issuer);
  return [
    {
      method: 'GET',
      path: '/mailbox',
      async handle(ctx) {
        if (!isHere(ctx.ip)) throw new WebFault({ status: 404, detail: 'There is nothing at this address.' });
        const mails = await mailbox();
        o.sendPage(ctx, 'mailbox', {
          data: {
            host,
            mails: mails.map(({ to, subject, text, at }) => ({
              to,
              subject,
              text,
              at,
            })),
          },
        });
      },
    },
  ];
}

function isHere(address: string): boolean {
  const ipv4 = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return here.check(ipv4, ipv4.includes(':') ? 'ipv6' : 'ipv4');
}
