import type { Key } from '../../batch/key.js';
import { partitionPoint } from '../../collections/partitionPoint.js';
import { type Hash64, keyHash64 } from './keyHash64.js';

/**
 * The partial of `approximateDistinct`, plain data: at first the registers that are not zero, as ascending numbers of register * 64 + value;
 * once these would take more memory, all registers, a byte each.
 */
export type DistinctSketch = readonly number[] | Uint8Array;

const valuesPerRegister = 64;
const hash: Hash64 = { high: 0, low: 0 };

/**
 * Counts distinct keys with 2^precision registers, each the greatest number of leading zero bits, plus one, of the hashes that belong to it.
 *
 * Source: Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog", 2007; the estimate is that of Ertl, "New cardinality estimation
 * algorithms for HyperLogLog sketches", 2017, which needs no tables and no special cases for small counts.
 */
export class HyperLogLog {
  readonly #precision: number;
  readonly #registers: number;
  /** The most entries of a list: each takes as much as eight registers. */
  readonly #maxListed: number;

  constructor(precision: number) {
    this.#precision = precision;
    this.#registers = 2 ** precision;
    this.#maxListed = this.#registers / 8;
  }

  /** Adds a key to a sketch that nothing else refers to. */
  add(sketch: DistinctSketch, key: Key): DistinctSketch {
    keyHash64(key, hash);
    const register = hash.high >>> (32 - this.#precision);
    const value = Math.clz32(hash.low) + 1;
    if (sketch instanceof Uint8Array) {
      if (value > (sketch[register] as number)) sketch[register] = value;
      return sketch;
    }
    return this.#addListed(sketch as number[], register, value);
  }

  merge(a: DistinctSketch, b: DistinctSketch): DistinctSketch {
    if (a instanceof Uint8Array) return raised(a.slice(), b);
    if (b instanceof Uint8Array) return raised(b.slice(), a);
    const merged: number[] = [];
    for (let i = 0, j = 0; i < a.length || j < b.length; ) {
      const left = a[i] ?? Infinity;
      const right = b[j] ?? Infinity;
      const order = Math.floor(left / valuesPerRegister) - Math.floor(right / valuesPerRegister);
      // Infinity minus Infinity cannot be: one of the lists has not ended.
      merged.push(order === 0 ? Math.max(left, right) : Math.min(left, right));
      if (order <= 0) i++;
      if (order >= 0) j++;
    }
    return this.#fitted(merged);
  }

  /** How many distinct keys were added, about. */
  estimate(sketch: DistinctSketch): number {
    const counts = new Array<number>(maxValue + 1).fill(0);
    for (const value of valuesOf(sketch)) counts[value] = (counts[value] as number) + 1;
    const m = this.#registers;
    if (!(sketch instanceof Uint8Array)) counts[0] = m - sketch.length;
    let z = m * tau(1 - (counts[maxValue] as number) / m);
    for (let value = maxValue - 1; value >= 1; value--) z = (z + (counts[value] as number)) / 2;
    z += m * sigma((counts[0] as number) / m);
    return (m * m) / (2 * Math.LN2 * z);
  }

  #addListed(list: number[], register: number, value: number): DistinctSketch {
    const at = placeOf(list, register);
    const entry = register * valuesPerRegister + value;
    const found = list[at];
    if (found !== undefined && Math.floor(found / valuesPerRegister) === register) {
      list[at] = Math.max(found, entry);
      return list;
    }
    list.splice(at, 0, entry);
    return this.#fitted(list);
  }

  #fitted(list: readonly number[]): DistinctSketch {
    return list.length <= this.#maxListed ? list : raised(new Uint8Array(this.#registers), list);
  }
}

/** The values of registers: a hash has 32 bits for them. */
const maxValue = 33;

/** Raises the registers to those of another sketch. */
function raised(registers: Uint8Array, other: DistinctSketch): Uint8Array {
  if (other instanceof Uint8Array) {
    for (let i = 0; i < registers.length; i++) registers[i] = Math.max(registers[i] as number, other[i] as number);
    return registers;
  }
  for (const entry of other) {
    const register = Math.floor(entry / valuesPerRegister);
    registers[register] = Math.max(registers[register] as number, entry % valuesPerRegister);
  }
  return registers;
}

function* valuesOf(sketch: DistinctSketch): Iterable<number> {
  if (sketch instanceof Uint8Array) yield* sketch;
  else for (const entry of sketch) yield entry % valuesPerRegister;
}

/** The first place in the list whose register is not below this one. */
function placeOf(list: readonly number[], register: number): number {
  return partitionPoint(list.length, (i) => Math.floor((list[i] as number) / valuesPerRegister) < register);
}

/** x + the sum of x^(2^k) * 2^(k-1) for k from 1 on. */
function sigma(x: number): number {
  if (x === 1) return Infinity;
  let sum = x;
  let power = x;
  for (let weight = 1, before = Number.NaN; sum !== before; weight *= 2) {
    before = sum;
    power *= power;
    sum += power * weight;
  }
  return sum;
}

/** (1 - x - the sum of (1 - x^(2^-k))^2 * 2^-k for k from 1 on) / 3. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let sum = 1 - x;
  let root = x;
  for (let weight = 0.5, before = Number.NaN; sum !== before; weight /= 2) {
    before = sum;
    root = Math.sqrt(root);
    sum -= (1 - root) ** 2 * weight;
  }
  return sum / 3;
}
