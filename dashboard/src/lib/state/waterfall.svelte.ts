/** How a trace is looked at: what is folded up, which span is chosen, which stretch of time is shown. */

import { above, foldedFrom, nextError, openingDepth, unfolded } from '../derive/folding';
import type { Trace } from '../derive/trace';

/** Of a trace that is larger, only the branches are shown at first. */
const ROWS_AT_FIRST = 200;

export class Waterfall {
  #trace: () => Trace;
  /** By id: places change when a further batch is heard. Undefined until somebody folds something. */
  #folds = $state.raw<ReadonlySet<string>>();
  #chosen = $state<string>();
  #window = $state.raw<{ from: number; to: number }>();

  constructor(trace: () => Trace) {
    this.#trace = trace;
  }

  readonly folded: ReadonlySet<number> = $derived.by(() => {
    const trace = this.#trace();
    const folds = this.#folds;
    if (folds === undefined) return foldedFrom(trace, openingDepth(trace, ROWS_AT_FIRST));
    return new Set(trace.ids.flatMap((id, i) => (folds.has(id) && this.folds(i) ? [i] : [])));
  });

  readonly rows: Int32Array = $derived.by(() => unfolded(this.#trace(), this.folded));

  /** The place of the span that is chosen; the first where none is. */
  readonly chosen: number = $derived.by(() => Math.max(0, this.#trace().ids.indexOf(this.#chosen ?? '')));

  /** The place of that among the rows. */
  readonly row: number = $derived.by(() => Math.max(0, this.rows.indexOf(this.chosen)));

  get from(): number {
    return this.#window?.from ?? 0;
  }

  get to(): number {
    return this.#window?.to ?? Math.max(1, this.#trace().spanUs);
  }

  get zoomed(): boolean {
    return this.#window !== undefined;
  }

  folds(span: number): boolean {
    return (this.#trace().last[span] as number) > span + 1;
  }

  /** Choose a span, unfolding what hides it. */
  choose(span: number): void {
    const hidden = above(this.#trace(), span).filter((i) => this.folded.has(i));
    if (hidden.length) this.#say([...this.folded].filter((i) => !hidden.includes(i)));
    this.#chosen = this.#trace().ids[span];
  }

  chooseId(id: string): void {
    const found = this.#trace().ids.indexOf(id);
    if (found >= 0) this.choose(found);
  }

  chooseRow(row: number): void {
    const span = this.rows[Math.min(this.rows.length - 1, Math.max(0, row))];
    if (span !== undefined) this.choose(span);
  }

  fold(span: number, folded: boolean): void {
    if (!this.folds(span)) return;
    this.#say(folded ? [...this.folded, span] : [...this.folded].filter((i) => i !== span));
    if (folded && this.chosen > span && this.chosen < (this.#trace().last[span] as number)) this.choose(span);
  }

  foldAll(folded: boolean): void {
    const chosen = this.chosen;
    this.#say(folded ? [...foldedFrom(this.#trace(), 1)] : []);
    // What is chosen may be hidden now: what it is a part of is chosen in its place.
    this.choose(folded ? (above(this.#trace(), chosen).find((i) => this.rows.includes(i)) ?? chosen) : chosen);
  }

  nextError(): void {
    const found = nextError(this.#trace(), this.chosen);
    if (found !== undefined) this.choose(found);
  }

  zoom(from: number, to: number): void {
    const whole = from <= 0 && to >= this.#trace().spanUs;
    this.#window = whole || to <= from ? undefined : { from, to };
  }

  /** Zoom to a span, with a little on either side. */
  zoomTo(span: number): void {
    const { start, duration } = this.#trace();
    const slack = Math.max(1, (duration[span] as number) * 0.03);
    this.zoom(Math.max(0, (start[span] as number) - slack), (start[span] as number) + (duration[span] as number) + slack);
  }

  zoomOut(): void {
    this.#window = undefined;
  }

  /** What a key does, as in any tree; whether it does anything. */
  press(key: string, page: number): boolean {
    const { chosen, row } = this;
    const trace = this.#trace();
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => this.chooseRow(row + 1),
      ArrowUp: () => this.chooseRow(row - 1),
      PageDown: () => this.chooseRow(row + page),
      PageUp: () => this.chooseRow(row - page),
      Home: () => this.chooseRow(0),
      End: () => this.chooseRow(this.rows.length - 1),
      ArrowRight: () => (this.folded.has(chosen) ? this.fold(chosen, false) : this.folds(chosen) && this.chooseRow(row + 1)),
      ArrowLeft: () => (this.folds(chosen) && !this.folded.has(chosen) ? this.fold(chosen, true) : this.choose(Math.max(0, trace.parent[chosen] as number))),
      Enter: () => this.fold(chosen, !this.folded.has(chosen)),
      z: () => this.zoomTo(chosen),
      Escape: () => this.zoomOut(),
      e: () => this.nextError(),
    };
    const move = moves[key];
    if (move === undefined || trace.n === 0) return false;
    move();
    return true;
  }

  #say(folded: readonly number[]): void {
    this.#folds = new Set(folded.map((i) => this.#trace().ids[i] as string));
  }
}
