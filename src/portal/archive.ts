/**
 * One zip of all that is stored about an account, made while it is sent: a page of rows is read, packed and given to the
 * connection before the next one is read, so that a long history takes no more memory than a short one.
 */
import { strToU8, Zip, ZipDeflate } from 'fflate';

export interface ArchiveTopic {
  /** A word of ours: the file's name, and the text `portal.data.topic.<name>`. */
  readonly name: string;
  rows(accountId: string): AsyncIterable<Readonly<Record<string, unknown>>>;
}

/** What the readable page shows of a topic. */
export interface TopicDigest {
  readonly name: string;
  readonly count: number;
  readonly columns: readonly string[];
  /** The first rows, as text. */
  readonly rows: readonly (readonly string[])[];
}

/** Enough to read; the rest of a topic stands in its own file. */
const READABLE_ROWS = 200;
/** Rows are packed in pieces of about this size: fewer would make the archive larger, more would hold up others. */
const PIECE_CHARS = 32_768;

/**
 * @param page the readable page, made when everything has been read
 * @throws what a topic throws; the archive is then cut, which every reader of zips tells
 */
export async function* archiveOf(o: {
  readonly topics: readonly ArchiveTopic[];
  readonly accountId: string;
  readonly at: number;
  readonly page: (digests: readonly TopicDigest[]) => string;
  readonly style: string;
}): AsyncGenerator<Uint8Array> {
  const packed: Uint8Array[] = [];
  const zip = new Zip((error, piece) => {
    if (error) throw error;
    packed.push(piece);
  });
  const open = (name: string): ZipDeflate => {
    const file = new ZipDeflate(name, { level: 6 });
    file.mtime = o.at;
    zip.add(file);
    return file;
  };
  const drain = () => packed.splice(0);

  const digests: TopicDigest[] = [];
  for (const topic of o.topics) {
    const file = open(`data/${topic.name}.json`);
    const digest = createDigest(topic.name);
    let text = '[';
    for await (const stored of topic.rows(o.accountId)) {
      const row = plain(stored);
      text += `${digest.count() > 0 ? ',' : ''}\n${JSON.stringify(row)}`;
      digest.add(row);
      if (text.length < PIECE_CHARS) continue;
      file.push(strToU8(text));
      text = '';
      yield* drain();
    }
    file.push(strToU8(`${text}\n]\n`), true);
    yield* drain();
    digests.push(digest.end());
  }
  open('style.css').push(strToU8(o.style), true);
  open('index.html').push(strToU8(o.page(digests)), true);
  zip.end();
  yield* drain();
}

function createDigest(name: string) {
  const columns: string[] = [];
  const first: Readonly<Record<string, unknown>>[] = [];
  let count = 0;
  return {
    count: () => count,
    add(row: Readonly<Record<string, unknown>>) {
      count += 1;
      if (first.length >= READABLE_ROWS) return;
      first.push(row);
      for (const column of Object.keys(row)) if (!columns.includes(column)) columns.push(column);
    },
    end(): TopicDigest {
      // A column in which nothing stands tells nothing.
      const told = columns.filter((column) => first.some((row) => textOf(row[column]) !== ''));
      const rows = first.map((row) => told.map((column) => textOf(row[column])));
      return { name, count, columns: told, rows };
    },
  };
}

/** Bytes as base64url, whole numbers as numbers. */
function plain(row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value instanceof Uint8Array
        ? Buffer.from(value).toString('base64url')
        : typeof value === 'bigint'
          ? String(value)
          : value,
    ]),
  );
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
