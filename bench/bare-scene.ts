/** Who takes part on the bare engine: an API, a service, a web application, a device and a person. */
import { type Person, redirectUri, type SeededClient } from '../test/harness/seed.ts';

export const resource = 'https://api.example.com';

export interface Scene {
  readonly service: SeededClient;
  readonly web: SeededClient;
  /** A device without a secret. */
  readonly tv: SeededClient;
  readonly people: readonly Person[];
}

const bareSecret = 'a-secret-of-the-bare-engine-that-nobody-needs';

export const bareScene: Scene = {
  service: { clientId: 'service', secret: bareSecret },
  web: { clientId: 'web', secret: bareSecret },
  tv: { clientId: 'tv', secret: '' },
  people: [{ id: 'ada', email: 'ada', password: 'any' }],
};

export const bareClients = [
  {
    client_id: 'service',
    client_secret: bareSecret,
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
  },
  {
    client_id: 'web',
    client_secret: bareSecret,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
  },
  {
    client_id: 'tv',
    token_endpoint_auth_method: 'none' as const,
    redirect_uris: [],
    response_types: [],
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
  },
];
