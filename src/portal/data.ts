/** Download my data: everything that is stored about the account, as one archive that people can read and machines too. */
import { Readable } from 'node:stream';
import type { Account, By } from '../accounts/account.ts';
import { WebFault } from '../web/problem.ts';
import type { RenderPage } from '../web/render.ts';
import { type ArchiveTopic, archiveOf } from './archive.ts';
import type { PortalKit } from './portal-kit.ts';
import type { PortalAct, PortalPage, PortalSection } from './portal-routes.ts';

export interface DataFront {
  readonly topics: readonly ArchiveTopic[];
  /** Counts, records and tells the holder: before the first byte. Seconds to wait where there were too many. */
  begin(account: Account, by: By): Promise<{ kind: 'go' } | { kind: 'wait'; retryAfterSeconds: number }>;
  readonly renderPage: RenderPage;
  /** The readable page's own style sheet. */
  readonly style: string;
  readonly host: string;
  readonly clock: { now(): number };
  /** What broke an archive off; the person sees that it is not whole. */
  onBroken(error: unknown): void;
}

const PATH = '/account/data';
const DOWNLOAD = `${PATH}/download`;
/** Archives that a process makes at once: each holds a connection to the database now and then, and a core. */
const MOST_AT_ONCE = 3;
/** Whoever takes it slower than this keeps others from theirs. */
const LONGEST_MS = 5 * 60_000;

export function dataSection(kit: PortalKit, front: DataFront): PortalSection {
  let running = 0;

  const show: PortalPage['show'] = (ctx, visit, again) =>
    kit.send(ctx, visit, 'data', {
      title: 'portal.data.title',
      topic: PATH,
      again,
      data: {
        holds: front.topics.map(({ name }) => name),
        csrf: kit.csrf(ctx, visit, DOWNLOAD),
        path: DOWNLOAD,
      },
    });

  const download: PortalAct['submit'] = async (ctx, visit) => {
    if (running >= MOST_AT_ONCE) {
      throw new WebFault({
        status: 503,
        detail: 'Other archives are being made at the moment. Try again in a minute.',
        retryAfterSeconds: 60,
      });
    }
    running += 1;
    let isStarted = false;
    try {
      const begun = await front.begin(visit.account, visit.by);
      if (begun.kind === 'wait') {
        ctx.set('Retry-After', String(Math.ceil(begun.retryAfterSeconds)));
        return show(ctx, visit, { status: 429, notice: 'portal.data.tooMany' });
      }
      const at = front.clock.now();
      const archive = archiveOf({
        topics: front.topics,
        accountId: visit.account.id,
        at,
        style: front.style,
        page: (digests) =>
          front.renderPage(
            'portal/archive',
            { topics: digests, email: visit.account.email, host: front.host, made: kit.time(visit, at) },
            visit.lang,
          ),
      });
      const body = Readable.from(archive, { objectMode: false });
      isStarted = true;
      const tooLong = setTimeout(() => body.destroy(new Error('taken too slowly')), LONGEST_MS).unref();
      body.once('close', () => {
        clearTimeout(tooLong);
        running -= 1;
      });
      body.once('error', front.onBroken);
      const day = new Date(at).toISOString().slice(0, 10);
      ctx.status = 200;
      ctx.type = 'application/zip';
      ctx.set('Content-Disposition', `attachment; filename="account-${day}.zip"`);
      ctx.set('Cache-Control', 'no-store');
      ctx.body = body;
    } finally {
      if (!isStarted) running -= 1;
    }
  };

  return {
    topic: { path: PATH, text: 'portal.data.topic' },
    routes: [
      // The page itself, so that whoever has just proved who they are presses the button once.
      { method: 'GET', path: PATH, needs: 'recent-strong', show },
      { method: 'POST', path: DOWNLOAD, page: PATH, needs: 'recent-strong', submit: download },
    ],
  };
}
