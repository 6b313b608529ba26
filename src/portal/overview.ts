/** The overview: one look that answers "am I safe?". Every topic tells its own line; this page only gathers them. */
import type { PortalKit } from './portal-kit.ts';
import type { OverviewLine, PortalSection } from './portal-routes.ts';

const PATH = '/account';
const groups = ['sign-in', 'devices', 'apps'] as const satisfies readonly OverviewLine['group'][];

/** @param others the topics that are asked what they tell */
export function overviewSection(kit: PortalKit, others: () => readonly PortalSection[]): PortalSection {
  return {
    topic: { path: PATH, text: 'portal.overview.topic' },
    routes: [
      {
        method: 'GET',
        path: PATH,
        needs: 'signed-in',
        async show(ctx, visit, again) {
          const told = await Promise.all(others().map(({ overview }) => overview?.(visit) ?? []));
          const lines = told.flat();
          kit.send(ctx, visit, 'overview', {
            title: 'portal.overview.title',
            topic: PATH,
            again,
            data: {
              advice: lines.filter(({ advice }) => advice),
              groups: groups.flatMap((name) => {
                const own = lines.filter(({ group, advice }) => group === name && !advice);
                return own.length > 0 ? [{ title: `portal.overview.${name}`, lines: own }] : [];
              }),
            },
          });
        },
      },
    ],
  };
}
