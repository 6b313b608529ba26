/** Files that break a rule each, for scripts/check-imports.ts: [file, what it says, the rule that must find it]. */
export const planted: readonly (readonly [file: string, text: string, rule: string])[] = [
  ['src/config/planted-up.ts', "export { planted } from '../storage/planted.ts';", 'upward-from-floor-0'],
  [
    'src/storage/planted-up.ts',
    "import type { planted } from '../keys/planted.ts';\nexport type P = typeof planted;",
    'upward-from-floor-1',
  ],
  ['src/audit/planted-up.ts', "export const p = () => import('../keys/planted.ts');", 'upward-from-floor-2'],
  ['src/keys/planted-up.ts', "import '../protocol/planted.ts';", 'upward-from-floor-3'],
  ['src/protocol/planted-up.ts', "import '../pages/planted.ts';", 'upward-from-floor-4'],
  ['src/pages/planted-up.ts', "import '../planted-top.ts';", 'upward-from-floor-5'],
  ['src/config/planted-side.ts', "import '../observability/planted.ts';", 'sideways-config-observability'],
  ['src/audit/planted-side.ts', "import '../web/planted.ts';", 'sideways-audit-mail-outbound-throttle-web'],
  [
    'src/accounts/planted-side.ts',
    "import type { planted } from '../clients/planted.ts';\nexport type P = typeof planted;",
    'sideways-accounts-clients-sessions-keys-factors-passkeys-upstream',
  ],
  ['src/portal/planted-side.ts', "import '../pages/planted.ts';", 'sideways-pages-portal-admin'],
  [
    'src/storage/planted-cycle-a.ts',
    "import { b } from './planted-cycle-b.ts';\nexport const a = () => b;",
    'no-cycle',
  ],
  [
    'src/storage/planted-cycle-b.ts',
    "import { a } from './planted-cycle-a.ts';\nexport const b = () => a;",
    'no-cycle',
  ],
  [
    'src/web/planted-types-a.ts',
    "import type { B } from './planted-types-b.ts';\nexport interface A { b: B }",
    'no-cycle',
  ],
  [
    'src/web/planted-types-b.ts',
    "import type { A } from './planted-types-a.ts';\nexport interface B { a: A }",
    'no-cycle',
  ],
  [
    'src/pages/planted-engine.ts',
    "import Provider from 'oidc-provider';\nexport const p = Provider;",
    'wall-engine',
  ],
  [
    'src/clients/planted-engine.ts',
    "import type Provider from 'oidc-provider';\nexport type P = Provider;",
    'wall-engine',
  ],
  [
    'src/pages/planted-webauthn.ts',
    "import { verifyRegistrationResponse } from '@simplewebauthn/server';\nexport const v = verifyRegistrationResponse;",
    'wall-webauthn',
  ],
  [
    'src/accounts/planted-totp.ts',
    "import { generate } from 'otplib';\nexport const g = generate;",
    'wall-totp',
  ],
  [
    'src/pages/planted-upstream.ts',
    "import { discovery } from 'openid-client';\nexport const d = discovery;",
    'wall-upstream',
  ],
  ['src/keys/planted-pg.ts', "import { Pool } from 'pg';\nexport const p = Pool;", 'wall-stores'],
  [
    'src/keys/planted-redis.ts',
    "import type { Redis } from 'ioredis';\nexport type P = Redis;",
    'wall-stores',
  ],
  [
    'src/audit/planted-pglite.ts',
    "import { PGlite } from '@electric-sql/pglite';\nexport const p = PGlite;",
    'wall-stores',
  ],
  ['src/accounts/planted-argon2.ts', "import { hash } from 'argon2';\nexport const p = hash;", 'wall-argon2'],
  ['src/web/index.ts', 'export const nothing = 0;', 'no-barrel'],
  ['src/pages/planted-barrel.ts', "import '../web/index.ts';", 'no-barrel'],
  ['src/helpers/planted.ts', 'export const nothing = 0;', 'room-without-floor'],
  ['src/pages/planted-helper.ts', "import '../helpers/planted.ts';", 'room-without-floor'],
  ['migrations/9999_planted.ts', "import '../src/config/clock.ts';", 'migration-imports-kysely-only'],
  ['src/pages/planted-test.ts', "import '../../test/planted.ts';", 'no-test-code'],
  ['src/pages/planted-dev.ts', "import { test } from 'vitest';\nexport const p = test;", 'no-dev-dependency'],
  ['src/pages/planted-missing.ts', "import './planted-nowhere.ts';", 'unresolvable'],
];

/** Targets of the plants, harmless in themselves. */
export const targets = [
  'src/storage',
  'src/keys',
  'src/protocol',
  'src/pages',
  'src/observability',
  'src/web',
  'src/clients',
  'test',
];
