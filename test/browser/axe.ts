import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

/**
 * What axe finds on the page, by all its rules: the rule and the elements. It judges in the page itself; the other way
 * opens a blank window for the sum of all frames, and no page of ours has a frame.
 */
export async function faultsFoundByAxe(page: Page): Promise<unknown[]> {
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });
  const { violations } = await axe.analyze();
  return violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]);
}
