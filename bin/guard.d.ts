export function isNewEnough(version: string): boolean;
export function guard(file: string, args: string[]): boolean;
