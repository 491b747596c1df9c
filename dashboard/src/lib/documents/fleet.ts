import { amount, counters, map, percentage, text, type Counters, type Fields } from './values';

/** `fleets/{fleet}`: the settings of its owner that the dashboard uses. */
export interface Policy {
  name: string | undefined;
  rotation: Rotation;
  handoffTargetMs: number;
  /** How many tokens fit into the context of a model, where a session does not say. */
  contextWindows: Counters;
  queueMaxTasks: number | undefined;
  hourlyBudgetNanousd: number | undefined;
}

/** The gap between two sessions within which a handoff is in time. */
export const DEFAULT_HANDOFF_TARGET_MS = 45_000;

/** The owner's thresholds for rotation; `rotateAt` picks the one that holds for a session. */
export interface Rotation {
  rotateBelowPct: number;
  byModel: Counters;
  /** By type of task, or by `TYPE|MODEL`. */
  byTaskType: Counters;
  /** Whether learned thresholds are used, within the bounds below. */
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

export function readPolicy(_id: string, d: Fields): Policy {
  const rotation = map(d['rotation']);
  return {
    name: text(d['name']),
    rotation: readRotation(rotation),
    handoffTargetMs: amount(rotation['handoff_target_ms']) ?? DEFAULT_HANDOFF_TARGET_MS,
    contextWindows: counters(d['context_windows']),
    queueMaxTasks: amount(d['queue_max_tasks']) || undefined,
    hourlyBudgetNanousd: amount(d['hourly_budget_nanousd']) || undefined,
  };
}

/** The policy of a fleet whose owner has set nothing. */
export const DEFAULT_POLICY: Policy = readPolicy('', {});
