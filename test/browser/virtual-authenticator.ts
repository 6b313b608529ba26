/** An authenticator inside Chromium (CDP, WebAuthn domain): makes and keeps real passkeys, and can be taken away. */
import type { CDPSession, Page } from 'playwright-core';

export interface VirtualAuthenticator {
  /** What it holds: ids in base64. */
  credentials(): Promise<readonly { credentialId: string; rpId?: string; userHandle?: string }[]>;
  /** Whether it waits for its person before it answers. */
  waits(waiting: boolean): Promise<void>;
  /** Whether it knows its person; who is not known gets a refusal. */
  knows(person: boolean): Promise<void>;
  remove(): Promise<void>;
}

export async function addAuthenticator(
  page: Page,
  o: { transport?: 'internal' | 'usb' | 'hybrid' } = {},
): Promise<VirtualAuthenticator> {
  const cdp: CDPSession = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: (o.transport ?? 'internal') as 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    credentials: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    waits: async (waiting) => {
      await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: !waiting });
    },
    knows: async (isUserVerified) => {
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
    },
    remove: async () => {
      await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
    },
  };
}
