// The floors and walls of docs/architecture.md. scripts/check-imports.ts runs these rules over the tree, and over a
// copy with planted violations, each of which must be found.

/** Rooms by floor, from the ground up. A room imports itself and the floors below. */
const floors = [
  ['config', 'observability'],
  ['storage'],
  ['audit', 'mail', 'outbound', 'throttle', 'web'],
  ['accounts', 'clients', 'sessions', 'keys', 'factors', 'passkeys', 'upstream'],
  ['protocol'],
  ['pages', 'portal', 'admin'],
  ['cli'],
];

const any = (names) => `(${names.join('|')})`;
// node_modules may stand above the cruised directory.
const packages = (names) => `(^|/)node_modules/(@types/)?${any(names)}/`;

/** Packages that one room, or one file, keeps to itself. */
const walls = [
  { name: 'engine', owner: '^src/protocol/', names: ['oidc-provider'] },
  { name: 'stores', owner: '^src/storage/', names: ['pg', 'pg-[^/]+', '@electric-sql/[^/]+', 'ioredis'] },
  { name: 'webauthn', owner: '^src/passkeys/', names: ['@simplewebauthn/server'] },
  { name: 'totp', owner: '^src/factors/', names: ['otplib'] },
  { name: 'upstream', owner: '^src/upstream/', names: ['openid-client'] },
  { name: 'argon2', owner: '^src/accounts/passwords\\.ts$', names: ['argon2'] },
];

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const upward = floors.slice(0, -1).map((rooms, floor) =>
  rule(
    `upward-from-floor-${floor}`,
    'A file imports its own room and lower floors only; src/*.ts is the top.',
    { path: `^src/${any(rooms)}/` },
    { path: [`^src/${any(floors.slice(floor + 1).flat())}/`, '^src/[^/]+$'] },
  ),
);

const sideways = floors
  .filter((rooms) => rooms.length > 1)
  .map((rooms) =>
    rule(
      `sideways-${rooms.join('-')}`,
      'Rooms on one floor never import each other: take a function in the constructor instead.',
      { path: `^src/${any(rooms)}/` },
      { path: `^src/${any(rooms)}/`, pathNot: '^src/$1/' },
    ),
  );

module.exports = {
  forbidden: [
    ...upward,
    ...sideways,
    rule('room-without-floor', 'Every folder of src stands on a floor in this file.', {}, { path: '^src/[^/]+/', pathNot: `^src/${any(floors.flat())}/` }),
    rule('no-cycle', 'Types included.', {}, { circular: true }),
    ...walls.map(({ name, owner, names }) =>
      rule(`wall-${name}`, `${names[0]} belongs to ${owner}`, { path: '^src/', pathNot: owner }, { path: packages(names) }),
    ),
    rule('no-barrel', 'Import the file you mean.', {}, { path: ['^src/index\\.ts$', '^src/.*/index\\.ts$'] }),
    rule('migration-imports-kysely-only', 'A released migration must not change with our code.', { path: '^migrations/' }, { pathNot: packages(['kysely']) }),
    rule('no-test-code', 'What ships does not need what tests it.', { path: '^(src|migrations)/' }, { path: '^(test|bench|examples|scripts)/' }),
    rule('no-dev-dependency', 'It is not there in production.', { path: '^(src|migrations)/' }, { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] }),
    rule('unresolvable', 'The file or package does not exist.', {}, { couldNotResolve: true }),
  ],
  options: {
    // With TypeScript 7 the default parser sees no module and reports success.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
