/**
 * "Why was I signed out?": what happened to an account or a client, newest first. Two streams in one order of time: the
 * audit's events without token issuance, and the families with what they were given, how they were used, which rule
 * will end them and how they ended.
 */
import type { Audit } from '../audit/audit.ts';
import type { AuditRecord } from '../audit/search.ts';
import type { EndedBy, EndReason } from '../storage/end-reasons.ts';
import type { FamilyIndex } from '../storage/family-index.ts';
import { type FamilyRecord, limitOf } from '../storage/family-rows.ts';

/** Times are ms since the epoch. */
export interface FamilyStory {
  readonly family: string;
  readonly accountId: string;
  readonly clientId: string;
  readonly scopes: string;
  readonly offline: boolean;
  readonly begunAt: number;
  readonly refreshes: number;
  readonly lastUsedAt?: number | undefined;
  readonly lastNetwork?: string | undefined;
  readonly idleUntil: number;
  readonly absoluteUntil: number;
  /** While it lives: which rule will end it and when. */
  readonly ends?: { readonly rule: 'idle' | 'absolute'; readonly at: number };
  readonly ended?: { readonly at: number; readonly reason: EndReason; readonly by: EndedBy };
}

export type TimelineEntry =
  | { readonly kind: 'event'; readonly at: number; readonly event: AuditRecord }
  | { readonly kind: 'family'; readonly at: number; readonly family: FamilyStory };

export interface TimelinePage {
  readonly entries: readonly TimelineEntry[];
  /** The `after` of the next page; absent on the last one. */
  readonly next?: string;
}

export interface Timeline {
  /** @throws RangeError when `after` is not the `next` of a page */
  read(
    of: { readonly accountId: string } | { readonly clientId: string },
    page?: { after?: string | undefined; limit?: number | undefined },
  ): Promise<TimelinePage>;
}

const MAX_PAGE = 200;

export function createTimeline({
  audit,
  families,
  clock,
}: {
  audit: Pick<Audit, 'search' | 'flush'>;
  families: Pick<FamilyIndex, 'list' | 'flush'>;
  clock: { now(): number };
}): Timeline {
  return {
    async read(of, { after, limit = 50 } = {}) {
      const size = Math.min(MAX_PAGE, Math.max(1, Math.trunc(limit)));
      const from = readCursor(after);
      // What this process knows and has not written yet belongs to the story; answers of the index go to the audit.
      await families.flush();
      await audit.flush();
      const [events, begun] = await Promise.all([
        audit.search({ ...of, storyOnly: true, after: from.event, limit: size }),
        families.list({ ...of, after: from.family, limit: size + 1 }),
      ]);
      const all = [
        ...events.events.map((event) => ({ kind: 'event', at: event.at, event }) as const),
        ...begun.map(
          (one) => ({ kind: 'family', at: one.bornAt, family: storyOf(one, clock.now()) }) as const,
        ),
      ].sort((a, b) => b.at - a.at);
      const entries = all.slice(0, size);
      const more = all.length > size || events.next !== undefined;
      return more ? { entries, next: cursorAfter(entries, begun, from) } : { entries };
    },
  };
}

function storyOf(one: FamilyRecord, now: number): FamilyStory {
  const { family, accountId, clientId, scopes, offline, refreshes, idleUntil, absoluteUntil, ended } = one;
  const limit = limitOf(one);
  const over =
    ended ??
    (limit.at <= now
      ? ({ at: limit.at, reason: `expired ${limit.rule}`, by: 'system' } as const)
      : undefined);
  return {
    ...{ family, accountId, clientId, scopes, offline, refreshes, idleUntil, absoluteUntil },
    begunAt: one.bornAt,
    lastUsedAt: one.lastUsedAt,
    lastNetwork: one.lastNetwork,
    ...(over ? { ended: over } : { ends: limit }),
  };
}

interface Cursor {
  readonly event?: string | undefined;
  readonly family?: { readonly at: number; readonly tag: string } | undefined;
}

/** `<ms>.<event id>~<ms>.<tag>`: how far each stream was read; either side may be empty. */
function readCursor(after: string | undefined): Cursor {
  if (after === undefined) return {};
  const [, event, ms, tag] = /^(\d{1,15}\.\d{1,18})?~(?:(\d{1,15})\.([\w-]{12}))?$/.exec(after) ?? [];
  if (event === undefined && tag === undefined) throw new RangeError('after: not the `next` of a timeline');
  return {
    ...(event === undefined ? {} : { event }),
    ...(tag === undefined ? {} : { family: { at: Number(ms), tag } }),
  };
}

function cursorAfter(
  entries: readonly TimelineEntry[],
  begun: readonly FamilyRecord[],
  from: Cursor,
): string {
  const event = entries.findLast((entry) => entry.kind === 'event')?.event;
  const last = entries.findLast((entry) => entry.kind === 'family')?.family.family;
  const family = begun.find((one) => one.family === last);
  const eventPart = event ? `${event.at}.${event.id}` : (from.event ?? '');
  const familyAt = family ? { at: family.bornAt, tag: family.tag } : from.family;
  return `${eventPart}~${familyAt ? `${familyAt.at}.${familyAt.tag}` : ''}`;
}
