// How often something happened over time, as bars; and as a table for those who read numbers.
import { h, svg } from './dom.js';
import { count, number, t } from './text.js';

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [480, 170, 44, 24, 8];

/** `counts` between `from` and `until`, in equal steps; `label` writes a time. */
export function plot({ counts, from, until, label, color, title }) {
  const most = Math.max(...counts);
  const top = ceiling(most);
  const step = (until - from) / counts.length;
  const [plotWidth, plotHeight] = [WIDTH - LEFT, HEIGHT - BOTTOM - TOP];
  const x = (at) => LEFT + (at / counts.length) * plotWidth;
  const y = (value) => TOP + plotHeight - (value / top) * plotHeight;
  const lines = [0, top / 2, top].filter(Number.isInteger).flatMap((value) => [
    svg('line', { class: 'grid', x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
    svg('text', { class: 'tick', x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end' }, number(value)),
  ]);
  const width = plotWidth / counts.length;
  const bars = counts.map((value, at) => value > 0 && svg('rect', {
    class: `bar ${color}`, x: x(at) + width * 0.12, width: width * 0.76, y: y(value), height: y(0) - y(value), rx: Math.min(3, width / 4),
  }, svg('title', {}, `${label(from + at * step)}: ${number(value)}`)));
  const ticks = [[0, 'start'], [counts.length / 2, 'middle'], [counts.length, 'end']].map(([at, anchor]) =>
    svg('text', { class: 'tick', x: x(at), y: HEIGHT - 4, 'text-anchor': anchor }, label(from + at * step)));
  const sum = counts.reduce((a, b) => a + b, 0);
  const reading = `${title}: ${count('times', sum)}, ${t('plot_reading', { from: label(from), until: label(until), most: number(most) })}`;
  const rows = counts.flatMap((value, at) => (value > 0 ? [h('tr', {}, h('td', {}, label(from + at * step)), h('td', {}, number(value)))] : []));
  return h('figure', {},
    svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': reading }, ...lines, ...bars, ...ticks),
    h('details', {}, h('summary', {}, t('as_table')), rows.length === 0 ? h('p', { class: 'quiet' }, t('no_events'))
      : h('table', { class: 'numbers' }, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('when')), h('th', { scope: 'col' }, t('how_many')))), h('tbody', {}, rows))));
}

/** The next round number: 4, 10, 20, 50, 100, … */
function ceiling(most) {
  if (most <= 4) return 4;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= most);
}
