/**
 * What a secret value is filed under. Every value that opens something (session id, code, token) is random with at
 * least 128 bits, so one unsalted SHA-256 is enough: there is nothing to guess, and a stolen dump holds no value.
 */
import { hash } from 'node:crypto';

/** SHA-256 of the value's UTF-8 bytes, base64url without padding: 43 characters. */
export function digest(value: string): string {
  return hash('sha256', value, 'base64url');
}
