/**
 * The profile: the standard claims that a person may set about themselves. The form's fields are a closed list; anything
 * else in it is refused, so that no form can set what it does not show (mass assignment).
 */
import type { Accounts } from '../accounts/accounts.ts';
import type { Profile, ProfileChange } from '../accounts/profile.ts';
import type { FormFields } from '../web/forms.ts';
import { WebFault } from '../web/problem.ts';
import type { PortalKit } from './portal-kit.ts';
import { notThere, type PortalAct, type PortalPage, type PortalSection } from './portal-routes.ts';

const PATH = '/account/profile';

/** With the name by which browsers fill them in (WHATWG HTML, autofill). */
const texts = [
  { name: 'name', autocomplete: 'name', type: 'text' },
  { name: 'given_name', autocomplete: 'given-name', type: 'text' },
  { name: 'family_name', autocomplete: 'family-name', type: 'text' },
  { name: 'nickname', autocomplete: 'nickname', type: 'text' },
  { name: 'birthdate', autocomplete: 'bday', type: 'text' },
  { name: 'phone_number', autocomplete: 'tel', type: 'tel' },
  { name: 'website', autocomplete: 'url', type: 'url' },
  { name: 'picture', autocomplete: 'photo', type: 'url' },
] as const satisfies readonly { name: keyof Profile; autocomplete: string; type: string }[];
const choices = ['locale', 'zoneinfo'] as const satisfies readonly (keyof Profile)[];
const fields = [...texts.map(({ name }) => name), ...choices];
type Field = (typeof fields)[number];

export function profileSection(kit: PortalKit, accounts: Pick<Accounts, 'find' | 'update'>): PortalSection {
  const show: PortalPage['show'] = async (ctx, visit, again) => {
    // From the table itself: the person looks for what they have just changed.
    const account = await accounts.find(visit.account.id);
    if (!account) throw notThere();
    const fresh = { ...visit, account };
    const shown = (name: Field) => again?.fields?.[name] ?? account.profile[name] ?? '';
    kit.send(ctx, fresh, 'profile', {
      title: 'portal.profile.title',
      topic: PATH,
      again,
      data: {
        csrf: kit.csrf(ctx, visit, PATH),
        texts: texts.map((field) => ({ ...field, value: shown(field.name) })),
        choices: [
          { name: 'locale', value: shown('locale'), options: languages(kit.locales, shown('locale')) },
          { name: 'zoneinfo', value: shown('zoneinfo'), options: zones(shown('zoneinfo')) },
        ],
      },
    });
  };

  const submit: PortalAct['submit'] = async (ctx, visit, typed) => {
    const outcome = await accounts.update(visit.account.id, { profile: changeOf(typed) }, visit.by);
    if (outcome.kind === 'changed') return kit.goTo(ctx, PATH, 'profile');
    if (outcome.kind !== 'faults') throw notThere();
    const faults = Object.fromEntries(
      outcome.faults.map(({ field }) => [field, `portal.profile.fault.${field}`]),
    );
    return show(ctx, visit, { status: 422, faults, fields: typed });
  };

  return {
    topic: { path: PATH, text: 'portal.profile.topic' },
    routes: [
      { method: 'GET', path: PATH, needs: 'signed-in', show },
      { method: 'POST', path: PATH, page: PATH, needs: 'signed-in', submit },
    ],
  };
}

/** An empty field takes its claim away. Throws WebFault 400 for a field that the page does not have. */
function changeOf(typed: FormFields): ProfileChange {
  const foreign = Object.keys(typed).filter((name) => name !== 'csrf' && !fields.some((one) => one === name));
  if (foreign.length > 0) {
    throw new WebFault({ status: 400, detail: 'The form holds a field that this page does not have.' });
  }
  return Object.fromEntries(
    fields.flatMap((name) => {
      const value = typed[name]?.trim();
      return value === undefined ? [] : [[name, value === '' ? null : value]];
    }),
  );
}

interface Option {
  readonly value: string;
  readonly text: string;
}

/** By their own names, as people look for them; what is stored already stays a choice. */
function languages(ours: readonly string[], stored: string): Option[] {
  return withStored(ours, stored).map((value) => ({ value, text: languageName(value) }));
}

function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
  } catch {
    // What was typed past the list is shown as it is, beside its fault.
    return tag;
  }
}

function zones(stored: string): Option[] {
  return withStored(Intl.supportedValuesOf('timeZone'), stored).map((value) => ({
    value,
    text: value.replaceAll('_', ' '),
  }));
}

function withStored(all: readonly string[], stored: string): readonly string[] {
  return stored === '' || all.includes(stored) ? all : [stored, ...all];
}
