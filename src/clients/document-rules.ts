/** What a client's metadata document may say (OAuth Client ID Metadata Document draft 02, section 4). */
import type { AuthMethod, Fault } from './client.ts';
import { type ClientInput, type JudgedClient, judgeClient } from './client-rules.ts';
import { documentIdFaults } from './document-ids.ts';
import { type MetadataUse, readMetadata, wireFaults } from './registered-metadata.ts';
import { UnusableDocument } from './remote-documents.ts';
import { isLoopbackHost } from './uri-rules.ts';

export interface ClientDocument {
  /** What the document says of its own address: to be compared with the one that it was found at. */
  readonly clientId: string;
  readonly input: ClientInput;
  readonly judged: JudgedClient;
}

/** A document that everyone can read holds no shared secret. What it describes runs where people are: `native`. */
const documentUse: MetadataUse = {
  defaultAuthMethod: 'none',
  authMethods: ['none', 'private_key_jwt'] satisfies AuthMethod[],
  publicType: 'native',
};

/** @throws UnusableDocument */
export function readClientDocument(json: unknown): ClientDocument {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) refuse('it is no JSON object');
  const { client_id: clientId } = json as { client_id?: unknown };
  if (typeof clientId !== 'string' || documentIdFaults(clientId).length > 0) {
    refuse('its client_id is not its address');
  }
  for (const member of ['client_secret', 'client_secret_expires_at']) {
    if (Object.hasOwn(json, member)) refuse(`it holds a ${member}`);
  }
  const read = readMetadata(json, documentUse);
  if ('faults' in read) refuse(words(read.faults));
  const { hostname, origin } = new URL(clientId);
  const named = Object.hasOwn(json, 'client_name') ? read.input.name : hostname.slice(0, 100);
  const input: ClientInput = { ...read.input, clientId, name: named, postLogoutRedirectUris: null };
  const judged = judgeClient(input, () => clientId);
  if ('faults' in judged) refuse(words(wireFaults(judged.faults)));
  const { client } = judged;
  const foreign = client.redirectUris.find((uri) => !isOwn(uri, origin));
  if (foreign !== undefined) {
    refuse(`redirect_uris ${JSON.stringify(foreign)} is neither of its own origin nor a loopback address`);
  }
  return { clientId, input, judged: { ...client, registered: 'metadata-document' } };
}

/** The site vouches for its own addresses; a loopback address is asked about each time (RFC 8252 section 8.6). */
function isOwn(uri: string, origin: string): boolean {
  const url = new URL(uri);
  return url.origin === origin || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}

function words(faults: readonly Fault[]): string {
  return faults
    .map(({ field, fault }) => `${field} ${fault}`.trim())
    .join('; ')
    .slice(0, 600);
}

function refuse(why: string): never {
  throw new UnusableDocument(why);
}
