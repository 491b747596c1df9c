import { describe, expect, test } from 'vitest';
import { modelColor, modelColors, rankColor, tierColors } from './colors';
import { NOT_KNOWN, REST } from './scopes';

describe('models in one chart', () => {
  const colorsOf = (models: string[]) => models.map(modelColors(models));

  test('differ in colour as long as the palette has one left', () => {
    const models = ['claude-opus-4-8', 'claude-opus-5', 'claude-opus-4-5', 'claude-opus-4-6', 'claude-sonnet-4-5', 'claude-haiku-4-5', 'grok-4', 'llama-4', 'gpt-5.2-codex'];
    expect(new Set(colorsOf(models)).size).toBe(models.length);
    const many = Array.from({ length: 15 }, (_, n) => `claude-opus-${n + 1}`);
    expect(new Set(colorsOf(many)).size).toBe(15);
  });

  test('keep the colour that they have on every page where no other there has it', () => {
    const models = ['claude-opus-4-6', 'claude-sonnet-4-5', 'claude-haiku-4-5', 'gpt-5.2-codex', 'gemini-2.5-flash'];
    expect(colorsOf(models)).toEqual(models.map(modelColor));
  });

  test('have the same colours in any order', () => {
    const models = ['claude-opus-5', 'claude-opus-4-8', 'grok-4'];
    expect(models.map(modelColors([...models].reverse()))).toEqual(colorsOf(models));
  });

  test('that are not told apart are grey, and so are those for which no colour is left', () => {
    expect(colorsOf(['claude-opus-5', REST, NOT_KNOWN]).slice(1)).toEqual(['var(--c6)', 'var(--c6)']);
    expect(colorsOf(Array.from({ length: 16 }, (_, n) => `m${n + 10}`)).at(-1)).toBe('var(--c6)');
  });
});

test('tiers of a fleet’s own differ in colour from each other and from the usual ones', () => {
  const tiers = ['frontier', 'standard', 'light', 'local', 'batch', 'trial'];
  expect(new Set(tiers.map(tierColors(tiers))).size).toBe(6);
  expect(tiers.slice(0, 3).map(tierColors(tiers))).toEqual(['var(--c1)', 'var(--c2)', 'var(--c3)']);
});

test('ranks differ in colour as far as the palette goes', () => {
  const colors = Array.from({ length: 16 }, (_, i) => rankColor(i));
  expect(new Set(colors).size).toBe(16);
  expect(colors.at(-1)).toBe(rankColor(40));
});
