/** One thing that is measured. */
import type { Work } from './http-load.ts';
import type { Subject } from './subject.ts';

export interface Operation {
  readonly name: string;
  /** The bare engine has no such thing. */
  readonly oursOnly?: boolean;
  /** Makes ready what a run needs, untimed. @param most operations that the run may do */
  prepare(subject: Subject, most: number): Promise<Work>;
  /** A run ends after so many operations, to be prepared again. */
  readonly most?: number;
  /** Requests that one operation consists of; 1 when not given. */
  readonly requests?: number;
}
