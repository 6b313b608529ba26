/** Long lists come in pages: `--limit` and `--after`. */
import { type Failed, failed, type Input, type Option } from './command.ts';

const MAX_LIMIT = 200;

export const pageOptions: readonly Option[] = [
  { name: 'limit', kind: 'text', value: 'N', help: `how many, 1 to ${MAX_LIMIT}; 50 when not given` },
  { name: 'after', kind: 'text', value: 'NEXT', help: 'the next of an earlier page' },
];

export function pageSize(input: Input): number | Failed {
  const given = input.text('limit') ?? '50';
  const size = /^\d{1,3}$/.test(given) ? Number(given) : 0;
  if (size >= 1 && size <= MAX_LIMIT) return size;
  return { ...failed('usage', `--limit must be a whole number from 1 to ${MAX_LIMIT}`), exit: 2 };
}
