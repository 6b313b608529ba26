import type { Drill } from './rig.ts';
export const loginDrills: readonly Drill[] = [];
