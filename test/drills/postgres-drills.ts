import type { Drill } from './rig.ts';
export const postgresDrills: readonly Drill[] = [];
