import { definitions } from './definitions.ts';
import { familyRows, lifetimeRows } from './lifetimes.ts';
import { limitRows } from './limits.ts';
import { suggest } from './suggest.ts';

/** Variables by name, as a process or a file gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The names of all settings, in the order of the settings page. */
export const settingNames: readonly string[] = [
  ...Object.values(definitions),
  ...Object.values(lifetimeRows),
  ...Object.values(familyRows).flatMap((rows) => [rows.idle, rows.absolute]),
  ...Object.values(limitRows),
].map((one) => one.name);

// Kubernetes injects these into every container beside a service called "cardea":
// CARDEA_SERVICE_HOST, CARDEA_SERVICE_PORT_HTTP, CARDEA_PORT=tcp://…, CARDEA_PORT_80_TCP_ADDR.
const injected = /^CARDEA_(SERVICE|PORT)(_|$)/;

/** One fault for each `CARDEA_…` that is no setting: a misspelt one would leave its default in force unseen. */
export function unknownNames(environment: Environment): readonly string[] {
  const faults: string[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('CARDEA_') || text === undefined || settingNames.includes(name)) continue;
    if (name === 'CARDEA_PORT' && /^\d+$/.test(text.trim()))
      faults.push('CARDEA_PORT: is no setting; the port is called PORT');
    else if (!injected.test(name)) faults.push(unknownName(name));
  }
  return faults;
}

/** The sentence about one unknown name, with the setting that was probably meant. */
export function unknownName(name: string): string {
  const meant = suggest(name, settingNames);
  const shown = name.replace(/[^ -~]/g, '?').slice(0, 80);
  return `${shown}: is no setting${meant ? `; did you mean ${meant}?` : '; docs/configuration.md lists them all'}`;
}
