/** The colours of kinds of spans; red is an error's, over all of them. */
const KINDS: Readonly<Record<string, string>> = {
  agent: 'var(--c6)',
  chain: 'color-mix(in srgb, var(--waiting) 50%, var(--idle))',
  llm: 'var(--c1)',
  tool: 'var(--c2)',
  retriever: 'var(--c5)',
  embedding: 'var(--c5)',
  guardrail: 'var(--c4)',
  evaluator: 'var(--c3)',
};

/** An error in words: what OpenTelemetry calls `_OTHER` says only that there was one. */
export function errorName(error: string): string {
  return error === '_OTHER' ? 'failed' : error;
}

export function kindColor(kind: string): string {
  return KINDS[kind] ?? 'var(--c6)';
}
