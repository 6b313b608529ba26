import type { Limits } from '../config/limits.ts';
import type { ThrottleOutcome } from './sign-in-throttle.ts';

export interface RequestLimits {
  /** One permit of the window of `key`: at once when this process still holds some, else after a trip. */
  take(name: keyof Limits, key: string): ThrottleOutcome | Promise<ThrottleOutcome>;
  /** What this process knows without asking: `wait` only when the window is known to be spent. Takes nothing. */
  peek(name: keyof Limits, key: string): ThrottleOutcome;
}
