/**
 * A mailbox that is read by a scanner before its owner: every link of every mail is fetched by GET and HEAD, several
 * times, with and without cookies, as the gateways of large companies do. What a person is given has gone through that.
 * By a real SMTP server on the set-ups that have one, by the local mail box where there is none.
 */
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { vi } from 'vitest';
import type { Database } from '../../src/storage/tables.ts';
import { openSink } from '../mail/sink.ts';
import { createAgent } from './agent.ts';

/** The part of a flow test's world that is used here. */
export interface MailingWorld {
  readonly issuer: string;
  readonly rooms: {
    readonly database: { readonly db: Kysely<Database> };
    readonly mail: {
      readonly kind: 'smtp' | 'box' | 'off';
      deliver(): Promise<number>;
      box(): Promise<readonly { to: string; subject: string; text: string; html: string; at: number }[]>;
    };
  };
}

export interface Letter {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Every address of the issuer in it, in both parts. */
  readonly links: readonly string[];
  /** The code to type; empty when there is none. */
  readonly code: string;
  /** The link that does what the mail is for; empty when there is none. */
  readonly link: string;
}

export interface Mailboxes {
  /** Settings for `openWorld`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Every mail to that address so far, oldest first, each scanned. */
  all(world: MailingWorld, to: string): Promise<readonly Letter[]>;
  /** The newest mail to that address that this has not answered yet. @throws when there is none */
  next(world: MailingWorld, to: string): Promise<Letter>;
  /** How many mails there are altogether. */
  count(world: MailingWorld): Promise<number>;
  close(): Promise<void>;
}

interface Raw {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** @param kind `smtp`: a real server; `box`: the local mail box of a loopback issuer without one */
export async function openMailboxes(kind: 'smtp' | 'box'): Promise<Mailboxes> {
  const sink = kind === 'smtp' ? await openSink() : undefined;
  const scanned = new Set<string>();
  const taken = new Map<string, number>();

  /** Until nothing waits: the server's own timer may have taken some of it. */
  async function settle({ rooms: { mail, database } }: MailingWorld): Promise<void> {
    await vi.waitFor(
      async () => {
        await mail.deliver();
        const { db } = database;
        const due = await db.selectFrom('mail_outbox').select('id').where('state', '=', 'waiting').execute();
        if (due.length > 0) throw new Error(`${due.length} mails wait`);
      },
      { timeout: 20_000 },
    );
  }

  async function raw(world: MailingWorld): Promise<readonly Raw[]> {
    if (!sink) return (await world.rooms.mail.box()).toReversed();
    await settle(world);
    return sink.mails.map((parsed, n) => ({
      to: sink.envelopes[n]?.[0] ?? '',
      subject: parsed.subject ?? '',
      text: parsed.text ?? '',
      html: parsed.html || '',
    }));
  }

  async function all(world: MailingWorld, to: string): Promise<readonly Letter[]> {
    const letters = (await raw(world)).filter((mail) => mail.to === to).map((mail) => letterOf(world, mail));
    for (const letter of letters) {
      const name = createHash('sha256').update(letter.text).digest('hex');
      if (scanned.has(name)) continue;
      scanned.add(name);
      await scan(letter.links);
    }
    return letters;
  }

  return {
    environment: sink ? { CARDEA_SMTP_URL: sink.url, CARDEA_MAIL_FROM: 'id@example.com' } : {},
    all,
    async next(world, to) {
      const letters = await all(world, to);
      const letter = letters.at(-1);
      if (!letter || letters.length <= (taken.get(to) ?? 0)) throw new Error(`no new mail to ${to}`);
      taken.set(to, letters.length);
      return letter;
    },
    count: async (world) => (await raw(world)).length,
    close: async () => sink?.close(),
  };
}

function letterOf({ issuer }: MailingWorld, mail: Raw): Letter {
  const found = `${mail.text}\n${mail.html}`.match(/https?:\/\/[^\s"'<>]+/g) ?? [];
  const links = [...new Set(found)];
  const foreign = links.find((link) => !link.startsWith(`${issuer}/`));
  if (foreign !== undefined) throw new Error(`a mail links elsewhere: ${foreign}`);
  return {
    ...mail,
    links,
    code: /\b\d{4} \d{4}\b/.exec(mail.text)?.[0] ?? '',
    link: links.find((link) => link.startsWith(`${issuer}/link/`)) ?? '',
  };
}

/** As often as three gateways in a row do. */
const ROUNDS = 3;

async function scan(links: readonly string[]): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const link of links) {
      const { origin } = new URL(link);
      const head = await fetch(link, { method: 'HEAD', redirect: 'follow' });
      const agent = createAgent(origin);
      const page = await agent.follow(await agent.get(link));
      // Once more in the same browser, as a preview that is opened does.
      await agent.follow(await agent.get(link));
      if (head.status >= 500 || page.status >= 500) throw new Error(`${link} broke: ${page.status}`);
    }
  }
}
