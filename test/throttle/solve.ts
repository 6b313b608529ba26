/** Solves a challenge with the very script that the pages carry, as its worker runs it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

type Terms = { readonly challenge: string; readonly bits: number };

const script = readFileSync(join(import.meta.dirname, '../../views/assets/proof.js'), 'utf8');
const answers: string[] = [];
let ask: (event: { data: Terms }) => void = () => undefined;
runInNewContext(script, {
  TextEncoder,
  self: {
    addEventListener: (_: string, listener: typeof ask) => {
      ask = listener;
    },
    postMessage: (answer: string) => answers.push(answer),
  },
});

export function solve(terms: Terms): string {
  ask({ data: terms });
  return answers.pop() ?? '';
}
