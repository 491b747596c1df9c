/** The view of a trace: its folded spans, its chosen span, and the stretch of time that is shown. */

import { ancestors, foldedFrom, nextError, openingDepth, unfolded } from '../derive/folding';
import type { Trace } from '../derive/trace';

/** A trace with more rows opens with its branches folded. */
const ROWS_AT_FIRST = 200;

export class Waterfall {
  #trace: () => Trace;
  /** Folded spans by id, because places change with further batches. Undefined until the viewer folds or unfolds one. */
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
    return new Set(trace.ids.flatMap((id, i) => (folds.has(id) && this.foldable(i) ? [i] : [])));
  });

  readonly rows: Int32Array = $derived.by(() => unfolded(this.#trace(), this.folded));

  /** The place of the chosen span; the first where none is chosen. */
  readonly chosen: number = $derived.by(() => Math.max(0, this.#trace().ids.indexOf(this.#chosen ?? '')));

  /** The row of the chosen span. */
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

  foldable(span: number): boolean {
    return (this.#trace().subtreeEnd[span] as number) > span + 1;
  }

  /** Choose a span, and unfold the spans that hide it. */
  choose(span: number): void {
    const hidden = ancestors(this.#trace(), span).filter((i) => this.folded.has(i));
    if (hidden.length) this.#setFolded([...this.folded].filter((i) => !hidden.includes(i)));
    this.#chosen = this.#trace().ids[span];
  }

  chooseId(id: string): void {
    const span = this.#trace().ids.indexOf(id);
    if (span >= 0) this.choose(span);
  }

  chooseRow(row: number): void {
    const span = this.rows[Math.min(this.rows.length - 1, Math.max(0, row))];
    if (span !== undefined) this.choose(span);
  }

  fold(span: number, folded: boolean): void {
    if (!this.foldable(span)) return;
    this.#setFolded(folded ? [...this.folded, span] : [...this.folded].filter((i) => i !== span));
    if (folded && this.chosen > span && this.chosen < (this.#trace().subtreeEnd[span] as number)) this.choose(span);
  }

  foldAll(folded: boolean): void {
    const chosen = this.chosen;
    this.#setFolded(folded ? [...foldedFrom(this.#trace(), 1)] : []);
    // A chosen span that is hidden now gives its place to the nearest span above it that is shown.
    this.choose(folded ? (ancestors(this.#trace(), chosen).find((i) => this.rows.includes(i)) ?? chosen) : chosen);
  }

  nextError(): void {
    const span = nextError(this.#trace(), this.chosen);
    if (span !== undefined) this.choose(span);
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

  /** Do what a key does in a tree; answers whether the key does anything. */
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
      ArrowRight: () => {
        if (this.folded.has(chosen)) this.fold(chosen, false);
        else if (this.foldable(chosen)) this.chooseRow(row + 1);
      },
      ArrowLeft: () => {
        if (this.foldable(chosen) && !this.folded.has(chosen)) this.fold(chosen, true);
        else this.choose(Math.max(0, trace.parent[chosen] as number));
      },
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

  #setFolded(folded: readonly number[]): void {
    this.#folds = new Set(folded.map((i) => this.#trace().ids[i] as string));
  }
}
