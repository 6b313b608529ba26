import type { Kind } from './kinds.ts';

const ADDRESS = /^[^\s@<>"(),:;\\[\]]{1,64}@[A-Za-z0-9.-]{1,253}$/;
const NAMED = /^([^<>"\p{Cc}]{1,80}) <([^<>]+)>$/u;

/** `address` or `Name <address>`. Nothing in it can begin another header or name a second sender. */
export const mailFromKind: Kind<string> = {
  form: 'an address, or `Name <address>`',
  read(text) {
    const address = NAMED.exec(text)?.[2] ?? text;
    return ADDRESS.test(address) && !/[,;]/.test(text)
      ? { kind: 'value', value: text }
      : { kind: 'fault', fault: 'must be an address such as id@example.com, or: Name <id@example.com>' };
  },
};
