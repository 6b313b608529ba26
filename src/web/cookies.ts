/**
 * Names and flags of our cookies. `__Host-` (RFC 6265bis section 4.1.3.2: Secure, Path=/, no Domain) wherever the
 * cookie is for the whole host; `__Secure-` where it is bound to a path; plain names on http, which only a loopback
 * issuer may use, since browsers refuse the prefixes there.
 */
import type Koa from 'koa';

export interface CookieOptions {
  /** Seconds; absent: until the browser is closed. */
  readonly maxAgeSeconds?: number;
  /** Default: the whole host. */
  readonly path?: string;
}

export interface Cookies {
  readonly secure: boolean;
  /** The name on the wire of a cookie for the whole host, or, with `path`, for that path. */
  nameOf(name: string, path?: string): string;
  /** HttpOnly, SameSite=Lax, Secure on https. */
  set(ctx: Koa.Context, name: string, value: string, options?: CookieOptions): void;
  /** Undefined when absent or longer than we ever write. */
  read(ctx: Koa.Context, name: string, path?: string): string | undefined;
  clear(ctx: Koa.Context, name: string, path?: string): void;
}

/** Browsers keep 4,096 bytes of a cookie with its name and attributes. */
const MAX_VALUE = 3_800;

/** @param base the issuer's path ('' when none): path-bound cookies live under it. */
export function createCookies({ secure, base = '' }: { secure: boolean; base?: string }): Cookies {
  const nameOf = (name: string, path?: string): string => {
    if (!secure) return `cardea.${name}`;
    return path === undefined ? `__Host-cardea.${name}` : `__Secure-cardea.${name}`;
  };
  const write = (ctx: Koa.Context, name: string, value: string | null, o: CookieOptions): void => {
    ctx.cookies.set(nameOf(name, o.path), value, {
      signed: false,
      httpOnly: true,
      sameSite: 'lax',
      secure,
      overwrite: true,
      path: o.path === undefined ? '/' : base + o.path,
      ...(o.maxAgeSeconds === undefined ? {} : { maxAge: o.maxAgeSeconds * 1000 }),
    });
  };
  return {
    secure,
    nameOf,
    set(ctx, name, value, options = {}) {
      if (value.length > MAX_VALUE) throw new RangeError(`The cookie ${name} is too long.`);
      write(ctx, name, value, options);
    },
    read(ctx, name, path) {
      const value = ctx.cookies.get(nameOf(name, path), { signed: false });
      return value !== undefined && value.length > 0 && value.length <= MAX_VALUE ? value : undefined;
    },
    clear(ctx, name, path) {
      write(ctx, name, null, path === undefined ? {} : { path });
    },
  };
}
