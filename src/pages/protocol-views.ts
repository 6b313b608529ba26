/** Pages that the protocol engine asks for: each sets the answer's headers and gives the HTML. */
import type Koa from 'koa';
import type { ErrorView } from '../web/error-door.ts';
import type { PageLanguages } from '../web/languages.ts';
import { personView } from '../web/names.ts';
import type { RenderPage } from '../web/render.ts';
import { pagePolicy } from '../web/security-headers.ts';
import type { Texts } from '../web/texts.ts';
import { clientView, formTargetsOf, imagesOf } from './display.ts';
import type { PageClient, Person, SignedOutApps } from './front-door.ts';

type Headers = Pick<Koa.Context, 'set' | 'req' | 'get' | 'cookies' | 'query'>;

/** A hidden field of a form: name and value. */
export interface HiddenField {
  readonly name: string;
  readonly value: string;
}

export interface LogoutConfirmView {
  /** Where the form posts: the engine's confirmation address. */
  readonly formAction: string;
  /** The engine's xsrf secret and the like. */
  readonly fields: readonly HiddenField[];
  /** The button that means yes sends this (the engine: logout=yes); staying signed in sends nothing of it. */
  readonly confirm: HiddenField;
  /** The text to stand above it, by its key. */
  readonly notice?: 'logout.another' | undefined;
  readonly person?: Pick<Person, 'email' | 'name'> | undefined;
  readonly client?: PageClient | undefined;
}

export interface ProtocolErrorView {
  /** The code of the RFC. */
  readonly code?: string | undefined;
  /** Plain words for people; by default the text of the code. */
  readonly title?: string | undefined;
  readonly text?: string | undefined;
  /** For whoever runs the client: what was wrong with what was sent. */
  readonly detail?: string | undefined;
  readonly reference?: string | undefined;
  readonly client?: PageClient | undefined;
  readonly wayOn?: { readonly url: string; readonly label: string } | undefined;
  /** The app's own address, named by its host: nobody vouches for it. */
  readonly goOnTo?: string | undefined;
}

export interface FormPostView {
  /** The client's registered redirect URI. */
  readonly action: string;
  readonly fields: readonly HiddenField[];
  readonly client?: PageClient | undefined;
}

export interface ProtocolViews {
  renderLogoutConfirm(ctx: Headers, view: LogoutConfirmView): string;
  renderSignedOut(
    ctx: Headers,
    view?: {
      client?: PageClient | undefined;
      wayOn?: { url: string; label: string } | undefined;
      apps?: SignedOutApps | undefined;
    },
  ): string;
  renderError(ctx: Headers, view: ProtocolErrorView): string;
  /** OAuth 2.0 Form Post Response Mode: sent by a script of ours, or by the person's Continue. */
  renderFormPost(ctx: Headers, view: FormPostView): string;
  /** For the error door, which sets the headers itself. */
  renderFault(ctx: Headers, view: ErrorView): string;
}

export function createProtocolViews({
  renderPage,
  languages,
  base,
}: {
  renderPage: RenderPage;
  languages: Pick<PageLanguages, 'of' | 'textsFor'>;
  base: string;
}): ProtocolViews {
  const home = `${base}/`;
  const images = (client: PageClient | undefined): readonly string[] => (client ? imagesOf(client) : []);
  const page = (ctx: Headers, name: string, data: Readonly<Record<string, unknown>>) =>
    renderPage(name, data, languages.of(ctx));
  const goOnLabel = (texts: Texts, url: string) => {
    const { host, protocol } = new URL(url);
    return texts.t('error.goOn', { host: host || protocol });
  };
  const wayHome = (texts: Texts) => ({ url: home, label: texts.t('error.home') });

  return {
    renderLogoutConfirm(ctx, { client, person, ...view }) {
      const formTargets = client ? formTargetsOf(client) : [];
      pagePolicy(ctx, { formTargets, images: images(client) });
      return page(ctx, 'logout', {
        ...view,
        client: client && clientView(client),
        chip: person && personView(person),
        home,
      });
    },
    renderSignedOut(ctx, { client, wayOn, apps } = {}) {
      pagePolicy(ctx, { images: images(client) });
      const view = client && clientView(client);
      const clientWay = view?.home === undefined ? undefined : { url: view.home, label: view.name };
      return page(ctx, 'signed-out', { client: view, wayOn: wayOn ?? clientWay, home, apps });
    },
    renderError(ctx, { client, code, title, text, detail, reference, wayOn, goOnTo }) {
      const texts = languages.textsFor(ctx);
      pagePolicy(ctx, { images: images(client) });
      const key = code !== undefined && texts.has(`error.${code}.title`) ? `error.${code}` : 'error.default';
      const view = client && clientView(client);
      const clientWay =
        view?.home === undefined
          ? wayHome(texts)
          : { url: view.home, label: texts.t('error.toClient', { client: view.name }) };
      return page(ctx, 'error', {
        client: view,
        title: title ?? texts.t(`${key}.title`),
        text: text ?? texts.t(`${key}.text`),
        detail,
        code,
        reference,
        wayOn: wayOn ?? (goOnTo === undefined ? clientWay : { url: goOnTo, label: goOnLabel(texts, goOnTo) }),
      });
    },
    renderFormPost(ctx, { action, fields, client }) {
      pagePolicy(ctx, {
        formTargets: [action, ...(client ? formTargetsOf(client) : [])],
        images: images(client),
      });
      return page(ctx, 'form-post', { action, fields, client: client && clientView(client) });
    },
    renderFault(ctx, { status, detail, reference, retryAfterSeconds }) {
      const texts = languages.textsFor(ctx);
      const key = texts.has(`fault.${status}.title`)
        ? `fault.${status}`
        : status >= 500
          ? 'fault.500'
          : 'fault.400';
      return page(ctx, 'error', {
        title: texts.t(`${key}.title`),
        text: texts.has(`${key}.text`) ? texts.t(`${key}.text`) : detail,
        wait: retryAfterSeconds,
        reference,
        wayOn: wayHome(texts),
      });
    },
  };
}
