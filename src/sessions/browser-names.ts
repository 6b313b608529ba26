/** What a browser says of itself, in two names that people know. Whatever it says is a claim, shown and never trusted. */
import UAParser from 'ua-parser-js';

export type DeviceForm = 'computer' | 'phone' | 'tablet' | 'other';

export interface BrowserNames {
  /** 'Firefox', 'Mobile Safari'; undefined: it does not say. */
  readonly browser: string | undefined;
  /** 'Windows', 'Android'. */
  readonly system: string | undefined;
  readonly device: DeviceForm;
}

/** Real ones are under 300 characters; the rest of a longer one is not looked at. */
const LONGEST = 500;
const LONGEST_NAME = 40;

const forms: Readonly<Record<string, DeviceForm>> = {
  mobile: 'phone',
  tablet: 'tablet',
  console: 'other',
  smarttv: 'other',
  wearable: 'other',
  embedded: 'other',
};

export function browserNames(userAgent: string): BrowserNames {
  const { browser, os, device } = new UAParser(userAgent.slice(0, LONGEST)).getResult();
  return {
    browser: plain(browser.name),
    system: plain(os.name),
    device: forms[device.type ?? ''] ?? (browser.name && os.name ? 'computer' : 'other'),
  };
}

/** Letters, digits and what stands in names: nothing that turns text around or hides in it. */
function plain(name: string | undefined): string | undefined {
  const kept = name
    ?.replace(/[^\p{L}\p{N} ._+-]/gu, '')
    .trim()
    .slice(0, LONGEST_NAME);
  return kept || undefined;
}
