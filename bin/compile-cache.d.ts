export function useCompileCache(): void;
