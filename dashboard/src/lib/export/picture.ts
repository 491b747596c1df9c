/**
 * A panel as a PNG: its charts, words and swatches, in the places and colours of the page.
 *
 * The browser has laid the panel out, so this module only copies it: SVGs without their words as images, canvases as they are, and each
 * word by itself in the page's font, because an SVG that is drawn as an image cannot load a font.
 */

const SCALE = 2;
const PAINT = [
  'fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-dashoffset', 'stroke-linejoin', 'stroke-linecap', 'stroke-opacity', 'opacity', 'display', 'visibility', 'color',
] as const;

/** Draw a panel as a PNG. */
export async function picture(panel: HTMLElement): Promise<Blob> {
  const zoom = panel.getBoundingClientRect().width / panel.offsetWidth || 1;
  const canvas = document.createElement('canvas');
  canvas.width = panel.offsetWidth * SCALE;
  canvas.height = panel.offsetHeight * SCALE;
  const ctx = canvas.getContext('2d');
  if (ctx === null) throw new Error('this browser draws on no canvas');
  ctx.scale(SCALE, SCALE);
  ctx.fillStyle = getComputedStyle(panel).backgroundColor;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  const origin = panel.getBoundingClientRect();
  const at = (box: DOMRect) => new DOMRect((box.x - origin.x) / zoom, (box.y - origin.y) / zoom, box.width / zoom, box.height / zoom);
  for (const element of panel.querySelectorAll<HTMLElement>('*')) if (seen(element)) fill(ctx, element, at(element.getBoundingClientRect()));
  for (const chart of panel.querySelectorAll<SVGSVGElement | HTMLCanvasElement>('svg, canvas')) {
    if (!seen(chart) || chart.closest('[data-unpictured]')) continue;
    const box = at(chart.getBoundingClientRect());
    const image = chart instanceof HTMLCanvasElement ? chart : await imageOf(chart);
    if (box.width > 0 && box.height > 0) ctx.drawImage(image, box.x, box.y, box.width, box.height);
  }
  for (const { word, box, style } of words(panel)) write(ctx, word, at(box), style);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture is too large'))), 'image/png'));
}

/** Whether an element is visible and belongs into the picture. */
function seen(element: Element): boolean {
  // Controls are left out, except for a table's headings.
  const control = element.closest('select, input, button') !== null && element.closest('thead') === null;
  return !control && element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest('.unseen, [data-unpictured]');
}

function fill(ctx: CanvasRenderingContext2D, element: HTMLElement, box: DOMRect): void {
  if (element instanceof SVGElement) return;
  const { backgroundColor, borderTopLeftRadius, borderBottomWidth, borderBottomColor } = getComputedStyle(element);
  if (!/, 0\)$|\/ 0\)$|^transparent$/.test(backgroundColor)) {
    ctx.fillStyle = backgroundColor;
    ctx.beginPath();
    ctx.roundRect(box.x, box.y, box.width, box.height, Math.min(parseFloat(borderTopLeftRadius) || 0, box.height / 2));
    ctx.fill();
  }
  const line = parseFloat(borderBottomWidth) || 0;
  if (line > 0) {
    ctx.fillStyle = borderBottomColor;
    ctx.fillRect(box.x, box.bottom - line, box.width, line);
  }
}

/** An SVG as it looks, without its words. */
async function imageOf(svg: SVGSVGElement): Promise<HTMLImageElement> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const [from, to] = [[svg, ...svg.querySelectorAll<SVGElement>('*')], [copy, ...copy.querySelectorAll<SVGElement>('*')]];
  for (const [i, original] of from.entries()) {
    const style = getComputedStyle(original);
    for (const name of PAINT) to[i]?.style.setProperty(name, style.getPropertyValue(name));
  }
  for (const text of copy.querySelectorAll('text, title')) text.remove();
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  if (!copy.hasAttribute('viewBox')) copy.setAttribute('viewBox', `0 0 ${svg.clientWidth || width} ${svg.clientHeight || height}`);
  copy.setAttribute('width', String(width * SCALE));
  copy.setAttribute('height', String(height * SCALE));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}

/** Every visible word of a panel, with its box. */
function* words(panel: HTMLElement): Generator<{ word: string; box: DOMRect; style: CSSStyleDeclaration }> {
  const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!parent || !seen(parent) || parent.closest('title')) continue;
    const style = getComputedStyle(parent);
    const edge = parent.closest('.cut')?.getBoundingClientRect().right ?? Infinity;
    for (const { 0: word, index } of (node.nodeValue ?? '').matchAll(/\S+/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const box = range.getBoundingClientRect();
      if (box.width > 0 && box.x < edge) yield { word: box.right > edge + 1 ? shortened(word, box, edge) : word, box, style };
    }
  }
}

function shortened(word: string, box: DOMRect, edge: number): string {
  return `${word.slice(0, Math.max(0, Math.floor((word.length * (edge - box.x)) / box.width) - 1))}…`;
}

function write(ctx: CanvasRenderingContext2D, word: string, box: DOMRect, style: CSSStyleDeclaration): void {
  ctx.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  ctx.letterSpacing = style.letterSpacing === 'normal' ? '0px' : style.letterSpacing;
  ctx.textBaseline = 'alphabetic';
  const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = ctx.measureText(word);
  // SVG words have their colour from `fill`.
  ctx.fillStyle = style.getPropertyValue('fill') !== 'rgb(0, 0, 0)' ? style.getPropertyValue('fill') : style.color;
  ctx.fillText(word, box.x, box.y + (box.height - above - below) / 2 + above);
}
