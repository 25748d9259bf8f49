import type { BatchRow } from '../../wire/batchRow.js';
import type { DecisionView, StreamView } from '../../wire/streamView.js';
import { formatBatchTime, formatDuration, formatPercent, formatRate, plural } from '../model/format.js';
import {
  ruleCounts,
  ruleMeanings,
  ruleStrip,
  type StripRule,
  type StripSegment,
  warningMeanings,
} from '../model/rules.js';
import { rateSummary } from '../model/summaries.js';
import { element, newId, setText } from './element.js';
import { Facts } from './facts.js';
import { KeyedRows } from './keyedRows.js';
import { longTable, panel, textRows } from './panel.js';
import { TableToggle } from './tableToggle.js';

/** Why the rate is what it is: the rule of the latest decision, what the controller has learned, and the rules before. */
export class RatePanel {
  readonly root: HTMLElement;
  readonly #why = element('p', { class: 'why' });
  readonly #warnings = element('ul', { class: 'warnings' });
  readonly #facts = new Facts();
  readonly #strip = element('div', { class: 'strip', attrs: { role: 'img' } });
  readonly #segments = new KeyedRows<StripSegment>(this.#strip, () => {
    const root = element('i');
    return {
      root,
      set: ({ rule, batches }) => {
        root.className = `rule-${rule}`;
        root.title = rule;
        root.style.flexGrow = String(batches);
      },
    };
  });
  readonly #legend = element('ul', { class: 'legend' });
  readonly #counts = new KeyedRows<readonly [StripRule, number]>(
    this.#legend,
    ([rule]) => {
      const count = element('b');
      const root = element('li', {}, element('i', { class: `swatch area rule-${rule}` }), rule, ' ', count);
      return {
        root,
        set: ([, batches]) => {
          root.title = plural(batches, 'batch', 'batches');
          setText(count, String(batches));
        },
      };
    },
    ([rule]) => rule,
  );
  readonly #body = element('tbody');
  readonly #table = new KeyedRows<StripSegment>(
    this.#body,
    textRows(
      ({ from, until, rule, batches }) => [formatBatchTime(from), formatBatchTime(until), rule, String(batches)],
      '',
      '',
      'number',
    ),
  );
  readonly #toggle: TableToggle;
  readonly #summary: HTMLElement;
  #rows: readonly BatchRow[] = [];

  constructor() {
    const ids = { summary: newId('summary'), table: newId('table') };
    this.#summary = element('p', { class: 'summary', attrs: { id: ids.summary } });
    this.#strip.setAttribute('aria-label', 'Rule by batch');
    this.#strip.setAttribute('aria-describedby', ids.summary);
    const table = longTable('Rule by batch', '', ['From', 'Until', 'Rule', '#Batches'], this.#body);
    table.id = ids.table;
    this.#toggle = new TableToggle('Rule by batch', this.#strip, table, () => this.#draw());
    const parts = [this.#why, this.#warnings, this.#facts.root, this.#strip, this.#legend, table, this.#summary];
    const { root, header } = panel('Why this rate', '', parts);
    header.append(this.#toggle.button);
    this.root = root;
  }

  update(view: StreamView, rows: readonly BatchRow[]): void {
    const changed = rows !== this.#rows;
    this.#rows = rows;
    const decided = view.inputs.flatMap(({ name, rate, decision }) => (decision ? [{ name, rate, decision }] : []));
    const limited = view.inputs.some(({ rate }) => rate !== undefined);
    const several = view.inputs.length > 1;
    const sentences = decided.map(
      ({ name, rate, decision }) => `${several ? `${name}: ` : ''}${formatRate(rate)}, ${sentenceOf(decision)}.`,
    );
    const without = limited
      ? 'The controller does not explain its rates.'
      : 'No rate is set: every batch takes all that waits.';
    setText(this.#why, sentences.length > 0 ? sentences.join(' ') : without);
    const warnings = [...new Set(decided.flatMap(({ decision }) => decision.warnings))];
    if (
      warnings.length !== this.#warnings.childElementCount ||
      warnings.some((w, i) => this.#warnings.children[i]?.textContent !== warningMeanings[w])
    ) {
      this.#warnings.replaceChildren(...warnings.map((warning) => element('li', { text: warningMeanings[warning] })));
    }
    const model = decided.find(({ decision }) => decision.model)?.decision.model;
    this.#facts.set(
      model
        ? [
            ['Fixed cost', formatDuration(model.fixedCost)],
            ['Cost a record', formatCost(model.costPerRecord)],
            ['Noise', formatPercent(model.noise)],
            ['Work planned', formatDuration(model.work)],
          ]
        : [],
    );
    const explained = rows.some(({ rate }) => rate.rule !== undefined);
    this.#strip.hidden = !explained || this.#toggle.open;
    this.#legend.hidden = !explained;
    this.#toggle.button.hidden = !explained;
    if (!changed) return;
    setText(this.#summary, rateSummary(rows));
    this.#draw();
  }

  #draw(): void {
    const segments = ruleStrip(this.#rows);
    this.#segments.set(segments);
    this.#counts.set(ruleCounts(this.#rows));
    if (this.#toggle.open) this.#table.set([...segments].reverse());
  }
}

function sentenceOf({ controller, rule }: DecisionView): string {
  return `set by ${controller}, rule ${rule}: ${ruleMeanings[rule]}`;
}

/** Records often cost less than a thousandth of a millisecond. */
function formatCost(ms: number): string {
  return Math.abs(ms) < 1 ? `${Number((1_000 * ms).toPrecision(3))} µs` : formatDuration(ms);
}
