/** What follows when somebody has signed in: the holder hears of browsers that this account was not used from before. */
import { randomUUID } from 'node:crypto';
import { isKnownBrowser } from './accounts/known-browser.ts';
import type { FrontDoor } from './pages/front-door.ts';
import type { Rooms } from './rooms.ts';
import { browserNames } from './sessions/browser-names.ts';

/** An account this young has no browsers yet that another one would differ from. */
const YOUNG_MS = 3_600_000;

export function createNoteBrowser(
  rooms: Pick<Rooms, 'standings' | 'mail' | 'database' | 'clock' | 'notMe'>,
): NonNullable<FrontDoor['noteBrowser']> {
  const { standings, mail, database, clock, notMe } = rooms;
  return async ({ accountId, device, app, network, userAgent, at }) => {
    const account = (await standings.get(accountId))?.account;
    if (!account) return undefined;
    const { passwordVersion } = account;
    const isKnown = isKnownBrowser(device, account);
    const isTold = mail.kind !== 'off' && account.emailVerified && clock.now() - account.createdAt > YOUNG_MS;
    if (!isKnown && isTold) {
      const { browser, system } = browserNames(userAgent);
      await database.db.transaction().execute(async (trx) => {
        // What was set up on the way, before the sign-in was finished, is of this sign-in, too.
        const token = await notMe.issue(trx, account, { since: at });
        await mail.write(trx, {
          kind: 'new-device',
          key: `new-device:${randomUUID()}`,
          accountId,
          to: account.email,
          locale: account.profile.locale,
          data: {
            at: clock.now(),
            network,
            device: [browser, system].filter((name) => name !== undefined).join(', ') || undefined,
            app,
            link: `/link/${token}`,
          },
        });
      });
    }
    return { passwordVersion };
  };
}
