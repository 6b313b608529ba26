// What Node makes of our files (types stripped, compiled) is kept beside the packages: a start takes 0.15 s less and
// holds 25 MB less. Never in the system's temporary directory, where others could put something in its place.
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

/** Does nothing where the directory cannot be written, such as in a container that runs as somebody else. */
export function useCompileCache() {
  nodeModule.enableCompileCache?.(
    fileURLToPath(new URL('../node_modules/.cache/cardea/compiled', import.meta.url)),
  );
}
