/** The pages behind the doors of web/, over a real Koa server on a loopback port. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import Koa from 'koa';
import { plainBranding } from '../../src/config/branding.ts';
import { createDeviceViews, type DeviceViews } from '../../src/pages/device-views.ts';
import { createPages } from '../../src/pages/pages.ts';
import { createProtocolViews, type ProtocolViews } from '../../src/pages/protocol-views.ts';
import { notFound } from '../../src/pages/routes.ts';
import { loadAssets } from '../../src/web/assets.ts';
import { brandView } from '../../src/web/brand.ts';
import { createAddressDoor, createAddressReader } from '../../src/web/client-address.ts';
import { createCookies } from '../../src/web/cookies.ts';
import { createCsrf } from '../../src/web/csrf.ts';
import { createErrorDoor } from '../../src/web/error-door.ts';
import { createReadSubmitted } from '../../src/web/form-guard.ts';
import { createPageLanguages } from '../../src/web/languages.ts';
import { createSendPage } from '../../src/web/page-sender.ts';
import { PSEUDO_LOCALE } from '../../src/web/pseudo-locale.ts';
import { createPublicUrl } from '../../src/web/public-url.ts';
import { createRenderer } from '../../src/web/render.ts';
import { requestId } from '../../src/web/request-id.ts';
import { createSecurityHeaders } from '../../src/web/security-headers.ts';
import { serverOptions, tuneServer } from '../../src/web/server-limits.ts';
import { loadLanguages } from '../../src/web/texts.ts';
import { createFakeFrontDoor, type FakeFrontDoor } from './fake-front-door.ts';
import { createFakePortal, type FakePortal } from './fake-portal.ts';

export interface ServedPages {
  readonly origin: string;
  readonly port: number;
  readonly front: FakeFrontDoor;
  readonly portal: FakePortal;
  readonly logged: { message: string; fields: Record<string, unknown> | undefined }[];
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Default: the address it listens on. */
  readonly issuer?: string;
  readonly trustedProxies?: readonly string[];
  /** Stands after the pages, before "not found". */
  readonly extra?: (views: ProtocolViews, deviceViews: DeviceViews) => Koa.Middleware;
  readonly signInUrl?: string;
}

export async function servePages(o: ServeOptions = {}): Promise<ServedPages> {
  const app = new Koa();
  const server = createServer(serverOptions, (req, res) => void handle(req, res));
  tuneServer(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://localhost:${port}`;

  const publicUrl = createPublicUrl({ issuer: o.issuer ?? origin });
  publicUrl.pin(app);
  const viewsDir = join(import.meta.dirname, '../../views');
  const assets = loadAssets({ dir: join(viewsDir, 'assets'), base: publicUrl.base });
  const { base } = publicUrl;
  const cookies = createCookies(publicUrl);
  const known = loadLanguages(join(viewsDir, 'locales'));
  // The pseudo-locale can be chosen here like any other.
  const choosable = { ...known, locales: [...known.locales, PSEUDO_LOCALE] };
  const languages = createPageLanguages({ languages: choosable, cookies });
  const { renderPage } = createRenderer({
    viewsDir,
    languages: known,
    brand: brandView(plainBranding, assets.url),
    assets,
    base,
  });
  const csrf = createCsrf({ keys: ['test key'], cookies, origin: publicUrl.origin });
  const views = createProtocolViews({ renderPage, languages, base });
  const deviceViews = createDeviceViews({ renderPage, languages, base });
  const front = createFakeFrontDoor();
  const portal = createFakePortal({
    publicUrl,
    csrf,
    languages,
    readSubmitted: createReadSubmitted({ csrf, origin: publicUrl.origin }),
    sendPage: createSendPage({ renderPage, languages }),
  });
  const logged: ServedPages['logged'] = [];
  const log = {
    error: (message: string, fields?: Record<string, unknown>) => void logged.push({ message, fields }),
  };

  const doors = [
    requestId,
    createAddressDoor(createAddressReader(o.trustedProxies ?? [])),
    createSecurityHeaders({ publicUrl }),
    createErrorDoor({ log, renderError: views.renderFault }),
    publicUrl.door,
    assets.door,
    createPages({
      front: o.signInUrl ? Object.assign(front, { signInUrl: o.signInUrl }) : front,
      publicUrl,
      cookies,
      csrf,
      renderPage,
      languages,
    }).door,
    portal.door,
    ...(o.extra ? [o.extra(views, deviceViews)] : []),
    notFound,
  ];
  for (const door of doors) app.use(door);
  const handle = app.callback();

  return {
    origin,
    port,
    front,
    portal,
    logged,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
