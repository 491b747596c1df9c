/** At which level of context left a session rotates: as tachograph_schema.thresholds, whose order this is. */

import type { Session } from './session';
import { amount, counters, percentage, type Counters, type Fields } from './values';

/** When sessions rotate, as the fleet's owner set it; which of these holds for one is `rotateAt`'s to say. */
export interface Rotation {
  rotateBelowPct: number;
  byModel: Counters;
  /** By type of task, or by `TYPE|MODEL`. */
  byTaskType: Counters;
  /** Whether thresholds that outcomes taught are used where there are any, within these bounds. */
  learned: boolean;
  learnedMinPct: number;
  learnedMaxPct: number;
  maxUsedTokens: number | undefined;
  maxUsedTokensByModel: Counters;
}

export function readRotation(d: Fields): Rotation {
  return {
    rotateBelowPct: percentage(d['rotate_below_pct']) ?? 35,
    byModel: counters(d['by_model']),
    byTaskType: counters(d['by_task_type']),
    learned: d['policy'] === 'learned',
    learnedMinPct: percentage(d['learned_min_pct']) ?? 20,
    learnedMaxPct: percentage(d['learned_max_pct']) ?? 60,
    maxUsedTokens: amount(d['max_used_tokens']),
    maxUsedTokensByModel: counters(d['max_used_tokens_by_model']),
  };
}

/** What outcomes taught of a type of task on a model: `baselines/{type}__{model}`. */
export interface Learned {
  type: string;
  model: string;
  rotateBelowPct: number | undefined;
}

/** A threshold in percent, and who set it, in words. */
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
  const taught = rotation.learned && type && model ? learned.find((l) => l.type === type && l.model === model)?.rotateBelowPct : undefined;
  if (taught !== undefined) return { pct: Math.min(Math.max(taught, rotation.learnedMinPct), rotation.learnedMaxPct), by: `learned for ${type} on ${model}` };
  const ofType = rotation.byTaskType[type ?? ''];
  if (ofType !== undefined) return { pct: ofType, by: `set for ${type}` };
  const ofModel = rotation.byModel[model ?? ''];
  if (ofModel !== undefined) return { pct: ofModel, by: `set for ${model}` };
  return { pct: rotation.rotateBelowPct, by: 'of the fleet' };
}
