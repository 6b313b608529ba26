/** Tables of the mail room. */
import type { Generated } from 'kysely';

export interface MailOutboxTable {
  id: Generated<string>;
  /** One mail for what bears this name; the Message-ID is made from it. */
  message_key: string;
  /** Null: to an address that no account has. */
  account_id: string | null;
  /** Whose budget it is. */
  recipient: string;
  kind: string;
  /** Recipient and what the template says, sealed; null once it was sent or given up. */
  sealed: string | null;
  state: Generated<'waiting' | 'boxed' | 'sent' | 'given-up'>;
  attempts: Generated<number>;
  created_at: Date;
  /** When it is tried next; while a process tries it, when another one may. */
  next_at: Date;
}

export interface MailTables {
  mail_outbox: MailOutboxTable;
}
