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
    const found = reader.get(network.replace(/\/\d+$/, ''));
    const country = found?.country?.iso_code;
    const names = found?.city?.names as Readonly<Record<string, string>> | undefined;
    const city = (names?.[lang] ?? names?.en)?.slice(0, MOST_NAME);
    const countryName = country && countryIn(lang, country);
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

function countryIn(lang: string, code: string): string | undefined {
  return /^[A-Z]{2}$/.test(code)
    ? new Intl.DisplayNames([lang], { type: 'region', fallback: 'none' }).of(code)
    : undefined;
}
