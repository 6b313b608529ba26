/** One way to mend a refusal, and what it is worked out from. */
import type { Refusal } from '../audit/refusal.ts';
import type { Client } from '../clients/client.ts';
import type { ResourceServer } from '../clients/resource-server.ts';

export interface MendContext {
  readonly refusal: Refusal;
  /** As it is registered now, disabled ones too. */
  readonly client?: Client | undefined;
  readonly servers: readonly ResourceServer[];
  /** What the rule asks for. */
  readonly expected: string;
}

/** `client`: a command. `request`: the app must send something else. `nothing`: no client is at fault. */
export interface Mend {
  readonly kind: 'command' | 'request' | 'nothing';
  readonly text: string;
  /** To be typed as they stand; upper-case words are to be filled in. */
  readonly commands: readonly string[];
}

export const command = (text: string, ...commands: readonly string[]): Mend => ({
  kind: 'command',
  text,
  commands,
});
export const request = (text: string): Mend => ({ kind: 'request', text, commands: [] });
export const nothing = (text: string): Mend => ({ kind: 'nothing', text, commands: [] });
