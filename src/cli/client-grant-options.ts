/** The options of a client that asks for tokens of people who are not there (clients/grant-policies.ts judges them). */
import type { ClientInput } from '../clients/client-rules.ts';
import { type Failed, failed, type Input, type Option } from './command.ts';

export const clientGrantOptions: readonly Option[] = [
  {
    name: 'exchange',
    kind: 'texts',
    value: 'AUDIENCE=MODE',
    help: 'may exchange tokens into ones for that API: impersonation, delegation or both; may be given again',
  },
  {
    name: 'may-act',
    kind: 'text',
    value: 'CLIENT',
    help: 'the one client that may act with this client’s tokens (may_act)',
  },
  {
    name: 'assertion-issuers-file',
    kind: 'file',
    value: 'FILE',
    help: 'issuers whose assertions stand for people, JSON: [{"issuer","subject":"id"|"email","jwks"|"jwksUri"}]',
  },
];

/** @param text an option's text; null when it is given empty */
export function clientGrantMembers(
  input: Input,
  text: (name: string) => string | null | undefined,
): { kind: 'members'; members: Partial<ClientInput> } | Failed {
  const rules = input.texts('exchange');
  const file = input.file('assertion-issuers-file');
  let issuers: unknown;
  try {
    issuers = file === undefined ? undefined : file.trim() === '' ? null : JSON.parse(file);
  } catch {
    return failed(
      'invalid',
      '--assertion-issuers-file is not JSON: a list of issuers looks like [{"issuer":…}]',
    );
  }
  return {
    kind: 'members',
    members: {
      exchange: rules?.length === 1 && rules[0] === '' ? null : rules?.map(ruleOf),
      mayAct: text('may-act'),
      assertionIssuers: issuers as ClientInput['assertionIssuers'],
    },
  };
}

function ruleOf(rule: string): NonNullable<ClientInput['exchange']>[number] {
  const at = rule.lastIndexOf('=');
  const [audience, mode] = at < 0 ? [rule, ''] : [rule.slice(0, at), rule.slice(at + 1)];
  return { audience, mode: mode as 'both' };
}
