/** `user timeline` and `client timeline`: what happened, newest first; why apps were signed out, and by whom. */
import type { AuditRecord } from '../audit/search.ts';
import type { FamilyStory, TimelineEntry, TimelinePage } from '../sessions/timeline.ts';
import { failed, type Input, type Outcome } from './command.ts';
import { pageSize } from './pages-of-lists.ts';
import type { RoomsForCommands } from './rooms-for-commands.ts';
import { textTable, textTime } from './text-table.ts';

type Of = { readonly accountId: string } | { readonly clientId: string };

/** @param again the command that gives the next page, without `--after` */
export async function showTimeline(
  { timeline }: Pick<RoomsForCommands, 'timeline'>,
  input: Input,
  of: Of,
  again: string,
): Promise<Outcome> {
  const limit = pageSize(input);
  if (typeof limit !== 'number') return limit;
  let page: TimelinePage;
  try {
    page = await timeline.read(of, { after: input.text('after'), limit });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return failed('invalid', '--after is not the next of an earlier page');
  }
  const whose = 'accountId' in of ? 'CLIENT' : 'ACCOUNT';
  const { entries, next } = page;
  return {
    kind: 'done',
    json: { timeline: entries.map(wireEntry), ...(next !== undefined && { next }) },
    text:
      entries.length === 0
        ? 'Nothing is recorded.\n'
        : textTable(
            ['TIME', 'WHAT', whose, 'BY', 'DETAIL'],
            entries.map((entry) => lineOf(entry, 'accountId' in of)),
          ),
    ...(next !== undefined && { next: `More:  ${again} --after ${next}` }),
  };
}

function lineOf(entry: TimelineEntry, ofAccount: boolean): readonly string[] {
  if (entry.kind === 'family') {
    const { clientId, accountId } = entry.family;
    return [
      textTime(entry.at),
      'app signed in',
      ofAccount ? clientId : accountId,
      'account',
      familyText(entry.family),
    ];
  }
  const { event } = entry;
  const other = (ofAccount ? event.clientId : event.accountId) ?? '';
  return [textTime(entry.at), event.type, other, event.actor.kind, eventText(event)];
}

function familyText({ scopes, refreshes, lastUsedAt, lastNetwork, ends, ended }: FamilyStory): string {
  const used =
    refreshes === 0
      ? 'not refreshed'
      : `refreshed ${refreshes} times, last ${textTime(lastUsedAt)}${lastNetwork ? ` from ${lastNetwork}` : ''}`;
  const end = ended
    ? `ended ${textTime(ended.at)}: ${ended.reason} (by ${ended.by})`
    : `ends ${textTime(ends?.at)} (${ends?.rule === 'idle' ? 'idle: unless it is refreshed' : 'absolute'})`;
  return [scopes || 'no scopes', used, end].join('; ');
}

/** What people ask for first in words; the rest of a detail as it is. */
function eventText({ type, detail, network }: AuditRecord): string {
  const from = network === undefined ? '' : `from ${network}`;
  if (type === 'token.replayed') {
    const { token, millisecondsApart, firstNetwork } = detail as {
      token: string;
      millisecondsApart?: number;
      firstNetwork?: string;
    };
    const apart = millisecondsApart === undefined ? '' : `, ${millisecondsApart / 1000} s apart`;
    const places = firstNetwork === undefined ? from : `first from ${firstNetwork}, then ${from}`;
    return `${token} used twice${apart}: ${places}`;
  }
  const members = Object.entries(detail)
    .filter(([name, value]) => name !== 'family' && value !== undefined)
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  return [...members, from].filter(Boolean).join('; ');
}

const iso = (at: number) => new Date(at).toISOString();

function wireEntry(entry: TimelineEntry) {
  if (entry.kind === 'event') {
    const { type, actor, accountId, clientId, network, detail } = entry.event;
    return {
      at: iso(entry.at),
      type,
      by: actor.kind,
      ...(actor.id !== undefined && { by_id: actor.id }),
      ...(accountId !== undefined && { account: accountId }),
      ...(clientId !== undefined && { client_id: clientId }),
      ...(network !== undefined && { network }),
      detail,
    };
  }
  const { family, accountId, clientId, scopes, offline, refreshes, ends, ended, ...rest } = entry.family;
  return {
    at: iso(entry.at),
    type: 'family.begun',
    by: 'account',
    account: accountId,
    client_id: clientId,
    family,
    scope: scopes,
    offline,
    refreshes,
    ...(rest.lastUsedAt !== undefined && { last_used_at: iso(rest.lastUsedAt) }),
    ...(rest.lastNetwork !== undefined && { last_network: rest.lastNetwork }),
    idle_until: iso(rest.idleUntil),
    absolute_until: iso(rest.absoluteUntil),
    ...(ends && { ends: { rule: ends.rule, at: iso(ends.at) } }),
    ...(ended && { ended: { reason: ended.reason, at: iso(ended.at), by: ended.by } }),
  };
}
