/** Where a network is, by a database on this machine (MaxMind DB 2.0). Nobody else is asked. */
import { readFileSync } from 'node:fs';
import { type CityResponse, Reader } from 'maxmind';

/** In a language (BCP 47): 'Mainz, Germany', 'Germany'; undefined where it is not known, or no database was named. */
export type PlaceOf = (network: string, lang: string) => string | undefined;

const MOST_NAME = 60;

/** @throws Error with a sentence when the file cannot be read or is no such database */
export function openPlaces(file: string | undefined): PlaceOf {
  if (file === undefined) return () => undefined;
  const reader = open(file);
  return (network, lang) => {
    const found = lookUp(reader, network.replace(/\/\d+$/, ''));
    const names = found?.city?.names;
    const city = plainName(names?.[lang]) ?? plainName(names?.en);
    const countryName = countryIn(lang, found?.country?.iso_code);
    return [city, countryName].filter(Boolean).join(', ') || undefined;
  };
}

function open(file: string): Reader<CityResponse> {
  try {
    const reader = new Reader<CityResponse>(readFileSync(file));
    if (!/City|Country|Enterprise/i.test(reader.metadata.databaseType)) {
      throw new Error(
        `it holds ${reader.metadata.databaseType.slice(0, MOST_NAME)}, not cities or countries`,
      );
    }
    // One look-up, so that a cut file is found out now.
    reader.get('192.0.2.1');
    return reader;
  } catch (error) {
    throw new Error(
      `CARDEA_GEOIP_FILE: ${error instanceof Error ? error.message : 'it cannot be read'}. Name a database of cities or countries (.mmdb), or leave it out.`,
    );
  }
}

/** What a record may hold, if it is what it should be: nothing that is read from the file is believed. */
interface Place {
  readonly city?: { readonly names?: Readonly<Record<string, unknown>> | null } | null;
  readonly country?: { readonly iso_code?: unknown } | null;
}

/** A file that is damaged in one place, or made to be, must not keep people from the pages on which they end sessions. */
function lookUp(reader: Reader<CityResponse>, address: string): Place | undefined {
  try {
    return (reader.get(address) as Place | null) ?? undefined;
  } catch {
    // As if it did not know that network.
    return undefined;
  }
}

/** One line, nothing that steers, at most 60 characters. */
function plainName(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  const line = name.slice(0, 1_000).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ');
  return [...line.trim()].slice(0, MOST_NAME).join('') || undefined;
}

function countryIn(lang: string, code: unknown): string | undefined {
  return typeof code === 'string' && /^[A-Z]{2}$/.test(code)
    ? new Intl.DisplayNames([lang], { type: 'region', fallback: 'none' }).of(code)
    : undefined;
}
