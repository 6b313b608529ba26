/** What a developer does with a client that was just registered. */
import type { Client } from '../clients/client.ts';

const libraries: Readonly<Record<Client['type'], string>> = {
  web: 'npm install openid-client        (or any OpenID Connect library with discovery)',
  spa: 'npm install oidc-client-ts       (or any OpenID Connect library with discovery and PKCE)',
  native: 'AppAuth, or any OpenID Connect library with discovery and PKCE',
  service: '',
  device: 'any OAuth library with the device authorization grant (RFC 8628)',
};

export function nextStepsFor(client: Client, issuer: string): string {
  const lines = [
    'What the app needs:',
    `  issuer     ${issuer}`,
    `  client_id  ${client.clientId}`,
    `  discovery  ${issuer}/.well-known/openid-configuration`,
  ];
  if (client.grantTypes.includes('client_credentials')) {
    const parts = [
      `curl -u "${client.clientId}:$CLIENT_SECRET" ${issuer}/oauth2/token`,
      '-d grant_type=client_credentials',
      ...(client.defaultResource === undefined ? [] : [`-d resource=${client.defaultResource}`]),
      ...(client.scopes.length === 0 ? [] : [`-d 'scope=${client.scopes.join(' ')}'`]),
    ];
    const bySecret = client.authMethod === 'client_secret_basic';
    if (bySecret) lines.push('A token for it:', `  ${parts.join(' \\\n    ')}`);
  }
  const library = libraries[client.type];
  if (library) lines.push(`Library:\n  ${library}`);
  return lines.join('\n');
}

export const SECRET_WARNING = 'Keep the secret now: it is shown this once, and only its digest is stored.';
