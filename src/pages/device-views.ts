/** The pages of a device that signs in (RFC 8628 section 3.3): code entry, who asks from where and when, how it went. */
import type Koa from 'koa';
import type { PageLanguages } from '../web/languages.ts';
import type { RenderPage } from '../web/render.ts';
import { pagePolicy } from '../web/security-headers.ts';
import { clientView, formTargetsOf } from './display.ts';
import type { PageClient } from './front-door.ts';
import { waitText } from './wait-text.ts';

type Headers = Pick<Koa.Context, 'set' | 'req' | 'get' | 'cookies' | 'query'>;

interface CodeForm {
  readonly action: string;
  readonly xsrf: string;
  readonly userCode: string;
}

export interface CodeEntryView extends CodeForm {
  /** Ends a text's key, 'device.fault.…'. */
  readonly fault?: string | undefined;
  readonly waitSeconds?: number | undefined;
}

export interface DeviceConfirmView extends CodeForm {
  readonly client: PageClient;
  readonly address: string;
  /** The device asks from the network that this browser is on. */
  readonly isHere: boolean;
  /** ms since the epoch */
  readonly askedAt: number;
  readonly now: number;
}

export type DeviceOutcome = 'connected' | 'declined' | 'stale';

export interface DeviceViews {
  renderCodeEntry(ctx: Headers, view: CodeEntryView): string;
  renderDeviceConfirm(ctx: Headers, view: DeviceConfirmView): string;
  renderDeviceDone(ctx: Headers, view: { outcome: DeviceOutcome; client?: PageClient | undefined }): string;
}

export function createDeviceViews({
  renderPage,
  languages,
  base,
}: {
  renderPage: RenderPage;
  languages: Pick<PageLanguages, 'of' | 'textsFor'>;
  base: string;
}): DeviceViews {
  const images = (client: PageClient | undefined): string[] => (client?.logoUri ? [client.logoUri] : []);
  const page = (ctx: Headers, name: string, data: Readonly<Record<string, unknown>>) =>
    renderPage(name, data, languages.of(ctx));
  return {
    renderCodeEntry(ctx, { waitSeconds, fault, ...view }) {
      pagePolicy(ctx);
      const wait = waitSeconds === undefined ? undefined : waitText(waitSeconds);
      const text = fault && `device.fault.${fault}`;
      const told = fault !== undefined && faultsOfCode.has(fault) ? { codeFault: text } : { notice: text };
      return page(ctx, 'device-code', { ...view, ...told, wait });
    },
    renderDeviceConfirm(ctx, { client, askedAt, now, ...view }) {
      pagePolicy(ctx, { formTargets: formTargetsOf(client), images: images(client) });
      const asked = new Date(askedAt).toISOString();
      return page(ctx, 'device-confirm', {
        ...view,
        client: clientView(client),
        ago: agoText(now - askedAt),
        askedAt: asked,
        clockTime: `${asked.slice(11, 16)} UTC`,
      });
    },
    renderDeviceDone(ctx, { outcome, client }) {
      pagePolicy(ctx, { images: images(client) });
      const view = client && clientView(client);
      return page(ctx, 'device-done', { outcome, client: view, home: `${base}/`, again: `${base}/device` });
    },
  };
}

/** What is wrong with what was typed, told beside its field; the others are about the whole form. */
const faultsOfCode: ReadonlySet<string> = new Set(['missing', 'unknown', 'used']);

function agoText(ms: number): { key: string; number: number } {
  const number = Math.floor(ms / 60_000);
  if (number < 1) return { key: 'device.justNow', number };
  return { key: 'device.minutes', number };
}
