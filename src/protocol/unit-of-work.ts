/**
 * The writes of one request, gathered while the engine works and stored by one statement before any byte leaves
 * (storage/artifacts.ts, Commit). A crash in between leaves either nothing or everything.
 */
import type { ArtifactKind, Artifacts, CommitOutcome, Put } from '../storage/artifacts.ts';

export interface UnitOfWork {
  family?: string;
  consume?: { kind: ArtifactKind; id: string };
  readonly puts: Put[];
}

/** The answer that a rotated refresh token leaves behind for its replay window. */
export interface KeptAnswer {
  readonly sealed: string;
  readonly binding: string;
  readonly windowSeconds: number;
}

export function openUnit(): UnitOfWork {
  return { puts: [] };
}

/** Stores the unit. One trip; `committed` when there is nothing to store. */
export async function commitUnit(
  artifacts: Artifacts,
  unit: UnitOfWork,
  answer?: KeptAnswer,
  /** The caller's network. */
  from?: string,
): Promise<CommitOutcome> {
  if (!unit.family) return { kind: 'committed' };
  return artifacts.commit({
    family: unit.family,
    ...(unit.consume
      ? {
          consume: {
            ...unit.consume,
            ...(answer ? { answer, readUnused: true } : {}),
            ...(from ? { from } : {}),
          },
        }
      : {}),
    puts: unit.puts,
  });
}
