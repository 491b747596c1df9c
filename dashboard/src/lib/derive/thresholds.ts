/** The level of context left at which a session rotates, in the order of tachograph_schema.thresholds. */

import type { Rotation } from '../documents/fleet';
import type { Session } from '../documents/session';

/** The threshold learned for a type of task on a model: `baselines/{type}__{model}`. */
export interface Learned {
  type: string;
  model: string;
  rotateBelowPct: number | undefined;
}

/** A threshold in percent, and its origin in words. */
export interface RotateAt {
  pct: number;
  by: string;
}

type Work = Pick<Session, 'taskType' | 'model' | 'contextWindowTokens'>;

/** The most specific threshold wins; a cap on used tokens may raise it further. */
export function rotateAt(session: Work, rotation: Rotation, learned: readonly Learned[] = []): RotateAt {
  const own = specific(session, rotation, learned);
  const cap = rotation.maxUsedTokensByModel[session.model ?? ''] ?? rotation.maxUsedTokens;
  if (cap === undefined || !session.contextWindowTokens) return own;
  const capPct = Math.round(Math.max(0, 10_000 * (1 - cap / session.contextWindowTokens))) / 100;
  return capPct > own.pct ? { pct: capPct, by: `its cap of ${cap.toLocaleString('en-US')} tokens` } : own;
}

function specific({ taskType: type, model }: Work, rotation: Rotation, learned: readonly Learned[]): RotateAt {
  const pair = type && model ? rotation.byTaskType[`${type}|${model}`] : undefined;
  if (pair !== undefined) return { pct: pair, by: `set for ${type} on ${model}` };
  const baseline = rotation.learned && type && model && learned.find((l) => l.type === type && l.model === model);
  if (baseline && baseline.rotateBelowPct !== undefined) {
    const pct = Math.min(Math.max(baseline.rotateBelowPct, rotation.learnedMinPct), rotation.learnedMaxPct);
    return { pct, by: `learned for ${type} on ${model}` };
  }
  const ofType = rotation.byTaskType[type ?? ''];
  if (ofType !== undefined) return { pct: ofType, by: `set for ${type}` };
  const ofModel = rotation.byModel[model ?? ''];
  if (ofModel !== undefined) return { pct: ofModel, by: `set for ${model}` };
  return { pct: rotation.rotateBelowPct, by: 'of the fleet' };
}
