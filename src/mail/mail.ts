/**
 * The outbox: a mail is written in the transaction of what it tells, and sent by whichever process comes first. At
 * least once: a process that dies between the server's yes and its own note sends it again, under the same Message-ID.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Sealing } from '../storage/sealing.ts';
import { sweepInRounds } from '../storage/sweep-rounds.ts';
import type { Database } from '../storage/tables.ts';
import type { MailKind, Message, RenderedMail, Transport } from './message.ts';
import { boxed, claimDue, deleteBefore, insertMail, type OutboxRow, putOff, settle } from './outbox-store.ts';
import type { Templates } from './templates.ts';

export interface Mail {
  /** Whether mails are written at all. */
  readonly kind: 'smtp' | 'box' | 'off';
  /** Writes it with `trx`; nothing where mail is off, was written before, or is beyond the budget. */
  write(trx: Kysely<Database>, message: Message): Promise<void>;
  readonly templates: Templates;
  /** One mail past the outbox, for a person who waits for the answer. */
  sendNow(mail: RenderedMail & { readonly to: string }): Promise<'sent' | 'refused' | 'later' | 'no-server'>;
  /** Sends what is due now. @returns how many were sent */
  deliver(): Promise<number>;
  /** The local mail box, newest first. Empty unless `kind` is 'box'. */
  box(): Promise<readonly BoxedMail[]>;
  /** Deletes what is older than a month, in bounded batches. */
  sweep(): Promise<number>;
  /** Looks for due mail every few seconds, and soon after one was written here. */
  start(): void;
  close(): Promise<void>;
}

export interface BoxedMail extends RenderedMail {
  readonly to: string;
  readonly at: number;
}

interface Budget {
  readonly limit: number;
  readonly windowSeconds: number;
}

export interface MailNeeds {
  readonly mode: { readonly kind: 'smtp'; readonly transport: Transport } | { readonly kind: 'box' | 'off' };
  readonly db: Kysely<Database>;
  readonly sealing: Pick<Sealing, 'seal' | 'open'>;
  readonly templates: Templates;
  readonly clock: { now(): number };
  readonly log: Record<'info' | 'warn', (message: string, fields?: Record<string, unknown>) => void>;
  readonly issuer: string;
  /** The language that the account's holder has chosen (BCP 47): every mail to them is in it, whoever writes it. */
  readonly localeOf: (accountId: string) => Promise<string | undefined>;
  readonly budgets: {
    /** What happened to one account. */
    readonly notices: Budget;
    /** What strangers can cause, to one address. */
    readonly asked: Budget;
  };
  /** Told in the transaction that settles a mail. */
  readonly onSettled: (
    trx: Kysely<Database>,
    end: {
      accountId: string | undefined;
      mail: MailKind;
      outcome: 'sent' | 'refused' | 'unreachable';
      attempts: number;
    },
  ) => Promise<void>;
  readonly everyMs?: number;
}

/** Half a minute, then four times as long each: 30 s, 2 min, 8 min, 32 min, 2 h, 8.5 h; after that nobody waits for it. */
const FIRST_RETRY_MS = 30_000;
const RETRY_FACTOR = 4;
const MAX_ATTEMPTS = 7;
/** Five conversations at once keep up with some hundred mails a minute and no server takes them for a flood. */
const BATCH = 5;
/** Longer than the slowest conversation with a server (transport.ts), so that two processes never hold one mail. */
const CLAIM_MS = 5 * 60_000;
const EVERY_MS = 5_000;
const SOON_MS = 100;
const BOX_SIZE = 50;
const KEEP_MS = 30 * 86_400_000;

export function createMail(needs: MailNeeds): Mail {
  const { mode, db, sealing, templates, clock, log, budgets } = needs;
  const host = new URL(needs.issuer).hostname.replace(/^\[|\]$/g, '');
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let started = false;

  const aad = (key: string) => `mail:${key}`;
  const opened = (row: OutboxRow) =>
    JSON.parse(sealing.open(row.sealed, aad(row.message_key))) as Pick<Message, 'to' | 'data' | 'locale'>;
  // However it is spelled: one mailbox, one budget.
  const addressDigest = (to: string) =>
    createHash('sha256')
      .update(`cardea mail to ${to.normalize('NFKC').trim().toLowerCase()}`)
      .digest('base64url');
  // The key names families and accounts: outside it is a digest.
  const messageIdOf = (key: string) =>
    `<${createHash('sha256').update(`cardea mail ${key}`).digest('base64url')}@${host}>`;

  // Asked when it is sent and not when it is written: what is asked for an address then costs the same whether it has
  // an account or not.
  async function rendered(row: OutboxRow): Promise<RenderedMail & { readonly to: string }> {
    const { to, data, locale } = opened(row);
    const own = row.account_id === null ? undefined : await needs.localeOf(row.account_id);
    return { ...templates.render(row.kind as MailKind, data, own ?? locale), to };
  }

  async function one(row: OutboxRow, transport: Transport): Promise<boolean> {
    const kind = row.kind as MailKind;
    const { kind: outcome } = await transport.send({
      ...(await rendered(row)),
      messageId: messageIdOf(row.message_key),
      at: row.created_at.getTime(),
    });
    if (outcome === 'later' && row.attempts < MAX_ATTEMPTS) {
      const wait = FIRST_RETRY_MS * RETRY_FACTOR ** (row.attempts - 1);
      await putOff(db, row.id, new Date(clock.now() + wait));
      log.warn('a mail was not taken and is tried again', { mail: kind, attempts: row.attempts });
      return false;
    }
    await db.transaction().execute(async (trx) => {
      if (!(await settle(trx, row.id, outcome === 'sent' ? 'sent' : 'given-up'))) return;
      await needs.onSettled(trx, {
        accountId: row.account_id ?? undefined,
        mail: kind,
        outcome: outcome === 'later' ? 'unreachable' : outcome,
        attempts: row.attempts,
      });
    });
    return outcome === 'sent';
  }

  async function deliver(): Promise<number> {
    if (mode.kind !== 'smtp') return 0;
    const { transport } = mode;
    let sent = 0;
    for (;;) {
      const now = clock.now();
      const due = await claimDue(db, { now: new Date(now), until: new Date(now + CLAIM_MS), limit: BATCH });
      const outcomes = await Promise.allSettled(due.map((row) => one(row, transport)));
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') sent += outcome.value ? 1 : 0;
        else log.warn('a mail stays in the outbox', { fault: String(outcome.reason) });
      }
      if (due.length < BATCH) return sent;
    }
  }

  function round(): void {
    running = running
      .then(deliver)
      .catch((error: unknown) => log.warn('the mail outbox was put off', { fault: String(error) }));
  }

  return {
    kind: mode.kind,
    templates,
    async sendNow(mail) {
      if (mode.kind !== 'smtp') return 'no-server';
      const messageId = messageIdOf(`test ${randomUUID()}`);
      return (await mode.transport.send({ ...mail, messageId, at: clock.now() })).kind;
    },
    deliver,
    async write(trx, { key, accountId, kind, to, data, locale, withheld = false }) {
      if (mode.kind === 'off') return;
      const sealed = sealing.seal(JSON.stringify({ to, data, locale }), aad(key));
      const kept = mode.kind === 'box' ? 'boxed' : 'waiting';
      const state = withheld ? 'given-up' : kept;
      const asked = templates.isAsked(kind);
      const recipient = asked ? `asked:${addressDigest(to)}` : `notice:${accountId ?? addressDigest(to)}`;
      await insertMail(
        trx,
        {
          key,
          accountId,
          recipient,
          kind,
          sealed: withheld ? null : sealed,
          state,
          now: new Date(clock.now()),
        },
        asked ? budgets.asked : budgets.notices,
      );
      // After the transaction, as far as can be known from here; the timer finds it otherwise.
      if (!started || soon) return;
      soon = setTimeout(() => {
        soon = undefined;
        round();
      }, SOON_MS);
      soon.unref();
    },
    async box() {
      if (mode.kind !== 'box') return [];
      const boxes: BoxedMail[] = [];
      for (const row of await boxed(db, BOX_SIZE)) {
        boxes.push({ ...(await rendered(row)), at: row.created_at.getTime() });
      }
      return boxes;
    },
    sweep: () => sweepInRounds((rows) => deleteBefore(db, new Date(clock.now() - KEEP_MS), rows)),
    start() {
      if (mode.kind !== 'smtp' || started) return;
      started = true;
      timer = setInterval(round, needs.everyMs ?? EVERY_MS);
      timer.unref();
    },
    async close() {
      started = false;
      clearInterval(timer);
      clearTimeout(soon);
      await running;
      if (mode.kind === 'smtp') mode.transport.close();
    },
  };
}
